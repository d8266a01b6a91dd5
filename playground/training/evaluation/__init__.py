"""What the shipped models can do, measured on portraits that no recipe has seen.

Invariants: numbers come from seeds of the split `held-out` and from judges that learnt from seeds of their own;
each table says how many pictures it rests on, and stands beside what the judge makes of true pictures.
"""
