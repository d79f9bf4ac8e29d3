use k8s_openapi::api::core::v1::Container;

/// How the container starts Hasura, as far as the Deployment tells.
pub(super) enum Command<'a> {
    /// By the image's own command: no flags are known, and Hasura's images have none.
    OfImage,
    /// Directly, with these words after the program.
    Words(Vec<&'a str>),
    /// By a shell or another program, whose text says nothing that can be relied on.
    Unreadable,
}

const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "busybox"];

impl<'a> Command<'a> {
    pub(super) fn of(container: &'a Container) -> Self {
        let command = container.command.iter().flatten();
        let words: Vec<&str> = command
            .chain(container.args.iter().flatten())
            .map(String::as_str)
            .collect();
        let Some(first) = words.first() else {
            return Self::OfImage;
        };
        if SHELLS.contains(&program(first)) {
            return Self::Unreadable;
        }
        match words
            .iter()
            .position(|word| program(word) == "graphql-engine")
        {
            Some(at) => Self::Words(words[at + 1..].to_vec()),
            // Arguments for an image whose entrypoint is graphql-engine itself.
            None if *first == "serve" || first.starts_with("--") => Self::Words(words),
            None => Self::Unreadable,
        }
    }

    /// The value of the flag, if the flag is there; it may be `--flag value` or `--flag=value`.
    pub(super) fn flag(&self, name: &str) -> Option<&'a str> {
        let Self::Words(words) = self else {
            return None;
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(rest) = word.strip_prefix("--").and_then(|w| w.strip_prefix(name)) else {
                continue;
            };
            if rest.is_empty() {
                return Some(words.next().copied().unwrap_or_default());
            }
            if let Some(value) = rest.strip_prefix('=') {
                return Some(value);
            }
        }
        None
    }
}

fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(command: &[&str], args: &[&str]) -> Container {
        let owned = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect());
        Container {
            command: owned(command),
            args: owned(args),
            ..Container::default()
        }
    }

    #[test]
    fn flags_are_found_in_command_and_args_in_both_spellings() {
        let cases: [(&[&str], &[&str]); 6] = [
            (&["graphql-engine", "serve", "--jwt-secret", "x"], &[]),
            (&["/bin/graphql-engine", "serve"], &["--jwt-secret=x"]),
            (&["/bin/graphql-engine", "--jwt-secret=x", "serve"], &[]),
            (
                &["tini", "--", "graphql-engine"],
                &["serve", "--jwt-secret=x"],
            ),
            (&[], &["serve", "--jwt-secret", "x"]),
            (&[], &["--jwt-secret", "x"]),
        ];
        for (command, args) in cases {
            let container = container(command, args);
            assert_eq!(
                Command::of(&container).flag("jwt-secret"),
                Some("x"),
                "{command:?} {args:?}"
            );
        }
    }

    #[test]
    fn a_longer_flag_is_another_flag() {
        let container = container(
            &["graphql-engine"],
            &["serve", "--jwt-secrets=x", "--auth-hook-mode=GET"],
        );
        let command = Command::of(&container);
        assert_eq!(command.flag("jwt-secret"), None);
        assert_eq!(command.flag("auth-hook"), None);
        assert_eq!(command.flag("jwt-secrets"), Some("x"));
    }

    #[test]
    fn a_flag_without_a_value_is_there_and_empty() {
        let container = container(&["graphql-engine"], &["serve", "--disable-admin-secret"]);
        assert_eq!(
            Command::of(&container).flag("disable-admin-secret"),
            Some("")
        );
    }

    #[test]
    fn what_a_shell_or_a_wrapper_starts_can_not_be_read() {
        let cases: [(&[&str], &[&str]); 5] = [
            (&["sh", "-c"], &["graphql-engine serve --jwt-secret x"]),
            (&["/bin/bash", "-ec", "exec graphql-engine serve"], &[]),
            (&["/bin/sh", "start.sh", "graphql-engine"], &[]),
            (&["/start.sh"], &[]),
            (&[], &["vault-env", "run.sh"]),
        ];
        for (command, args) in cases {
            let container = container(command, args);
            assert!(
                matches!(Command::of(&container), Command::Unreadable),
                "{command:?} {args:?}"
            );
        }
    }

    #[test]
    fn the_command_of_the_image_has_no_flags() {
        let container = Container::default();
        assert!(matches!(Command::of(&container), Command::OfImage));
    }
}
