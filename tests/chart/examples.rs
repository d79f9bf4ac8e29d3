//! The values that the chart's README gives as examples.

use std::fs;

use serde_json::Value;

use crate::{ROOT, helm::template};

#[tokio::test]
async fn every_example_of_values_in_the_readme_renders() {
    let text = fs::read_to_string(format!("{ROOT}/charts/logto-hasura/README.md")).unwrap();
    let examples: Vec<&str> = text.split("```yaml\n").skip(1).collect();
    assert!(examples.len() >= 3, "{}", examples.len());
    let default = template(None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.yaml");
    for example in examples {
        let (values, _) = example.split_once("```").unwrap();
        let parsed: Value = serde_saphyr::from_str(values).unwrap();
        assert!(parsed.is_object(), "{values}");
        fs::write(&file, values).unwrap();
        let rendered = template(Some(&file)).await;
        let rendered = rendered.unwrap_or_else(|error| panic!("{error}\n{values}"));
        assert_ne!(rendered, default, "changes nothing: {values}");
    }
}
