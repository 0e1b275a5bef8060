"""``equal export``: the data set of a campaign as files that trainers read, with its papers.

``campaign_export`` takes the steps: ``contents`` reads the warehouse, ``formats`` writes the
examples, ``llama_factory``, ``data_card`` (with ``card_metadata`` and ``card_files``) and
``manifest`` describe them, ``folder`` puts all in place, ``hub`` pushes it. ``command`` is what the
command line adds.
"""
