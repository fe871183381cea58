"""What can be tuned: the schema, its strict loader, secrets, and the shipped YAML files."""
