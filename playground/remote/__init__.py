"""What all tabs that ask another server have in common: where it is, how it is asked, what it says when it fails."""
