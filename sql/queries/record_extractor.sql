-- Effect: remember what stands behind a fingerprint, with the first extraction that bears it.
-- Inputs: $extractor, $backend, $version, $settings (JSON).
insert or ignore into extractors (extractor, backend, version, model, settings)
values ($extractor, $backend, $version, $settings->>'$.model', $settings)
