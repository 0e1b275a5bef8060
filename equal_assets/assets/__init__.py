"""The assets, one module per group of the graph, in lineage order."""
