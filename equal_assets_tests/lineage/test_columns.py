from equal_assets.lineage.columns import column_lineage, table_schema


def test_schema_has_types_keys_and_what_columns_mean_and_are_made_from():
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


def test_description_of_a_column_says_what_it_is_made_from():
    described = {column.name: column.description for column in table_schema("clusters").columns}
    assert described == {
        "document_id": "from document_embeddings.document_id",
        "cluster": "from 0, without gaps; from document_embeddings.embedding",
        "distance": "Euclidean, to the centroid; from document_embeddings.embedding",
    }


def test_dagster_gets_the_columns_that_are_made_from_others():
    found = column_lineage("qa_dataset").deps_by_column
    assert "extractor" not in found
    assert {(dep.asset_key.to_user_string(), dep.column_name) for dep in found["answer"]} == {
        ("documents", "text"),
        ("documents", "qa_pairs"),
    }
