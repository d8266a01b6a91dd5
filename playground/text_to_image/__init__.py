"""Pictures from words: requests and results, the local pipelines, servers, files that carry their settings, scores."""
