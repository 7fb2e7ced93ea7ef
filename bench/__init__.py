"""How fast is it, beside what anybody could do instead, in the same run on the same machine (decisions 2.12: M1 to M5)."""
