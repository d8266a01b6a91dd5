"""The small models of the drawn world: VAE, flow, GAN and judge, as networks and nothing more.

Invariants: plain `torch` modules that load and save as safetensors with a `config.json`
(`huggingface_hub.PyTorchModelHubMixin`). They know no catalogue, no visitor and no page. Importing a module of this
package imports torch, so whoever wants a quick start imports it inside a function.
"""
