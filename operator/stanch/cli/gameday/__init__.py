"""`stanch gameday`: one real fault, its undo first, and how well it was dealt with."""
