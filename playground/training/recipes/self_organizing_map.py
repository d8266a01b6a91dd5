"""Pictures on a map where neighbours look alike: a self-organising map, Kohonen (1982), in its batch form.

Invariants: numpy alone, nothing random; the map is filled evenly, so every place of it shows something.
"""

import numpy as np

NODES = 24  # of a side
COMPONENTS = 24  # principal components of the small pictures that are compared
ROUNDS = 40


def laid_out(images: np.ndarray) -> np.ndarray:
    """(N, 2) float32 in 0..1, x to the right and y downwards, of pictures (N, S, S, 3) uint8.

    The map finds the order; a rank transform (columns by x, then places in the column by y) fills the square evenly.
    """
    features = _principal(_small(images).reshape(len(images), -1))
    places = _self_organised(features)
    columns = round(np.sqrt(len(images)))
    points = np.empty((len(images), 2), np.float32)
    for column, rows in enumerate(np.array_split(np.argsort(places[:, 0], kind="stable"), columns)):
        down = rows[np.argsort(places[rows, 1], kind="stable")]
        points[down, 0] = (column + 0.5) / columns
        points[down, 1] = (np.arange(len(down)) + 0.5) / len(down)
    return points


def spread_over(points: np.ndarray, most: int = 32) -> np.ndarray:
    """(k * k,) int32: for every cell of a grid of k x k, row by row, the picture nearest to its middle; none twice."""
    k = min(most, int(np.sqrt(len(points))))
    middles = (np.stack(np.meshgrid(np.arange(k), np.arange(k)), axis=-1).reshape(-1, 2) + 0.5) / k
    free = np.ones(len(points), bool)
    found = np.empty(k * k, np.int32)
    for cell, middle in enumerate(middles):
        squares = np.where(free, ((points - middle) ** 2).sum(1), np.inf)
        found[cell] = np.argmin(squares)
        free[found[cell]] = False
    return found


def _small(images: np.ndarray, side: int = 16) -> np.ndarray:
    """(N, 16, 16, 3) float32: means over blocks. What is thinner than a block does not decide what looks alike."""
    n, size = images.shape[:2]
    block = size // side
    return images.reshape(n, side, block, side, block, 3).mean((2, 4), dtype=np.float32)


def _principal(x: np.ndarray) -> np.ndarray:
    """(N, D) to (N, COMPONENTS), the widest first, each with the sign that makes its largest weight positive."""
    x = x - x.mean(0)
    _, axes = np.linalg.eigh(x.T @ x)
    axes = axes[:, ::-1][:, :COMPONENTS]
    return x @ (axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]))


def _self_organised(x: np.ndarray) -> np.ndarray:
    """(N, 2): where on the map each of (N, D) lies, between the nodes that are most like it."""
    grid = np.stack(np.meshgrid(np.arange(NODES), np.arange(NODES)), axis=-1).reshape(-1, 2).astype(np.float32)
    apart = ((grid[:, None] - grid[None]) ** 2).sum(-1)  # (nodes, nodes)
    nodes = np.zeros((len(grid), x.shape[1]), np.float32)
    nodes[:, :2] = (grid / (NODES - 1) - 0.5) * 4 * x[:, :2].std(0)  # starts as the plane of the widest two
    for round_ in range(ROUNDS):
        width = NODES / 3 * (0.8 / (NODES / 3)) ** (round_ / (ROUNDS - 1))  # of the neighbourhood, in nodes
        best = _squares(x, nodes).argmin(1)
        count = np.bincount(best, minlength=len(nodes)).astype(np.float32)
        total = np.zeros_like(nodes)
        np.add.at(total, best, x)
        near = np.exp(-apart / (2 * width**2))
        nodes = (near @ total) / np.maximum(near @ count, 1e-6)[:, None]
    squares = _squares(x, nodes)
    rows = np.arange(len(x))[:, None]
    best = np.argpartition(squares, 3, axis=1)[:, :3]
    weights = 1 / np.maximum(squares[rows, best], 1e-6)
    return (weights[..., None] * grid[best]).sum(1) / weights.sum(1, keepdims=True)


def _squares(x: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """(N, nodes): squared distances."""
    return np.maximum((x**2).sum(1)[:, None] - 2 * x @ nodes.T + (nodes**2).sum(1), 0)
