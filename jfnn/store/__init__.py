"""Files that can be trusted: checksummed arrays, identity, environment."""
