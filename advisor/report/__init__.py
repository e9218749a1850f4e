"""What people read: the terminal and `report.html`, both made from the same records."""
