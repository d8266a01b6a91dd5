"""The drawn world of the embedded image models, and the recipes that train them on it.

Rule of the house: importing this package is cheap. What draws (`python_avatars`, `resvg-py`, Pillow) is imported
inside the functions that draw; both packages stand in requirements-dev.txt.
"""
