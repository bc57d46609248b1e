"""What Tenure is measured against: the ceiling, the ordinary way, and the disk's own limit."""
