"""What users have, counted over all of their processes."""
