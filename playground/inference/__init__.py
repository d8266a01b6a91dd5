"""What several tabs compute with: token records, samplers, hooks into running models, the stream of a server."""
