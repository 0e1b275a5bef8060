-- Effect: record what is behind a fingerprint, with the first extraction that has it.
-- Inputs: $extractor, $backend, $backend_version, $settings (JSON).
insert or ignore into extractors (extractor, backend, version, model, settings)
values ($extractor, $backend, $backend_version, $settings->>'$.model', $settings)
