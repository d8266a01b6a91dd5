"""The embedded Avatars networks: VAE, flow, GAN and judge (attribute classifier).

Invariants: plain `torch` modules that load and save as safetensors with a `config.json`
(`huggingface_hub.PyTorchModelHubMixin`); they know no catalogue, no visitor and no page. Importing `vae`, `flow`,
`gan` or `judge` imports torch; `controls` and `latent_layout` need numpy alone.
"""
