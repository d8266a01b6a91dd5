"""Recipes of the Storybook models: autoencoder, text encoder, denoiser, judge; how they are trained and measured."""
