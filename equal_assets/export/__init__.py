"""``equal export``: the data set of a campaign as files that trainers read, with card and manifest.

``campaign_export`` runs the steps: ``contents`` reads the warehouse, ``formats`` writes the
examples, ``llama_factory``, ``data_card`` (with ``card_metadata`` and ``card_files``) and
``manifest`` describe them, ``folder`` puts everything in place, ``hub`` pushes it.
``student_export`` writes the tuned student.
"""
