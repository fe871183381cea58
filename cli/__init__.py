"""The operator's side: what each command does, what it prints, and how it ends."""
