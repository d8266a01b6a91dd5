"""What several tabs share: components, words, errors, files."""
