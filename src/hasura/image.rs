//! What an image reference says.

/// The last part of the image's path, without registry, tag and digest: `graphql-engine` of
/// `registry.example.com:5000/hasura/graphql-engine:v2.48.6@sha256:…`.
pub(super) fn last_part(image: &str) -> &str {
    let named = image.split('@').next().unwrap_or(image);
    let last = named.rsplit('/').next().unwrap_or(named);
    last.split(':').next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn registry_tag_and_digest_are_no_part_of_the_name() {
        let rows = [
            ("graphql-engine", "graphql-engine"),
            ("hasura/graphql-engine:v2.48.6", "graphql-engine"),
            (
                "hasura/graphql-engine:v2.8.1.cli-migrations-v3",
                "graphql-engine",
            ),
            (
                "registry.example.com:5000/a/graphql-engine",
                "graphql-engine",
            ),
            (
                "registry.example.com:5000/a/graphql-engine:v2@sha256:0a1b",
                "graphql-engine",
            ),
            ("hasura/graphql-engine@sha256:0a1b", "graphql-engine"),
            ("graphql-engine/proxy:v1", "proxy"),
            ("registry.example.com/shop/hasura:3f2a1", "hasura"),
            ("", ""),
        ];
        for (image, name) in rows {
            assert_eq!(last_part(image), name, "{image}");
        }
    }
}
