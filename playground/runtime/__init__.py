"""Models in memory and work on them: the model cache, eviction, the worker, devices, threads."""
