-- Effect: what a campaign has extracted counts as paid by an earlier attempt of the same name.
-- Grain: one extraction. Input: extractions; $campaign.
update extractions
set first_asked_by = 'earlier ' || first_asked_by
where starts_with(first_asked_by, $campaign || '|')
