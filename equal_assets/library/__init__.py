"""What `import equal_assets` gives to programs that embed and extract by themselves."""
