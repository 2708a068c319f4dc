"""Response homogenization: sample a language model's answers, cluster them by meaning, score the uncertainty.

Nothing is imported here, so that `import homog_core` costs nothing; take what you need from its modules.
"""
