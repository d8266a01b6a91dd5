"""The Storybook world: drawn scenes of everyday things with exact boxes, counts, colours and relations.

The app uses it to understand prompts, to let people make scenes, and to judge pictures; the recipes of
`playground.training` draw what the models learn from. Of its modules only `judge` imports torch.
"""
