from equal_assets.lineage.columns import table_schema


def test_schema_has_types_keys_and_what_columns_mean():
    schema = table_schema("target_qa")
    columns = {column.name: column for column in schema.columns}
    assert (columns["weight"].type, columns["weight"].description) == (
        "double",
        "how much it counts, > 0",
    )
    assert not columns["weight"].constraints.nullable
    assert columns["weight"].constraints.other == ["default 1"]
    assert columns["split"].constraints.other == ["check (split in ('reference', 'test'))"]
    assert columns["code_tests"].constraints.nullable
    assert schema.constraints.other == ["primary key (campaign, split, position)"]
