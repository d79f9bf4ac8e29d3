use k8s_openapi::api::core::v1::Container;

/// How the container starts Hasura, as far as the Deployment tells.
pub(super) enum Command<'a> {
    /// By the image's own command: no flags are known, and Hasura's images have none.
    OfImage,
    /// By its name.
    Words {
        /// A program before it, that starts it, with its own words.
        before: Vec<&'a str>,
        /// The words after it.
        words: Vec<&'a str>,
    },
    /// By a shell or another program, whose text says nothing that can be relied on.
    Unreadable(Vec<&'a str>),
}

/// Hasura's program, and the name of its image.
pub(super) const HASURA: &str = "graphql-engine";
/// What stands between the container's settings and Hasura.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starter<'a> {
    Shell,
    Program(&'a str),
}

/// Programs that start the next one as it is; the entrypoint is that of Hasura's own images with migrations.
const TRANSPARENT: [&str; 4] = ["tini", "dumb-init", "catatonit", "docker-entrypoint.sh"];

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
            return Self::Unreadable(words);
        }
        match words.iter().position(|word| program(word) == HASURA) {
            Some(at) => Self::Words {
                before: words[..at].to_vec(),
                words: words[at + 1..].to_vec(),
            },
            // Arguments for an image whose entrypoint is graphql-engine itself.
            None if *first == "serve" || first.starts_with("--") => Self::Words {
                before: Vec::new(),
                words,
            },
            None => Self::Unreadable(words),
        }
    }

    /// The shell or program that starts Hasura and may set what it likes.
    pub(super) fn starter(&self) -> Option<Starter<'a>> {
        let words = match self {
            Self::OfImage => return None,
            Self::Words { before, .. } => before,
            Self::Unreadable(words) => words,
        };
        let opaque = |word: &&&str| !word.starts_with('-') && !TRANSPARENT.contains(&program(word));
        let first = program(words.iter().find(opaque)?);
        Some(if SHELLS.contains(&first) {
            Starter::Shell
        } else {
            Starter::Program(first)
        })
    }

    /// Whether the text of what starts Hasura names a variable or flag other than to read it.
    pub(super) fn names(&self, name: &str) -> bool {
        match self {
            Self::OfImage => false,
            Self::Words { before, .. } => before.iter().any(|word| sets(word, name)),
            Self::Unreadable(words) => words.iter().any(|word| sets(word, name)),
        }
    }

    /// The value of the flag, if the flag is there; it may be `--flag value` or `--flag=value`.
    pub(super) fn flag(&self, name: &str) -> Option<&'a str> {
        let Self::Words { words, .. } = self else {
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

/// Whether the container's command or arguments start Hasura, be it inside a shell's text. What a word says after
/// `graphql-engine` that is not started, such as a host to wait for, is none.
pub(super) fn runs_hasura(container: &Container) -> bool {
    let words = container.command.iter().chain(&container.args).flatten();
    let separators = |c: char| c.is_whitespace() || "\"'`;&|(){}".contains(c);
    let words: Vec<&str> = words
        .flat_map(|text| text.split(separators))
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().enumerate().any(|(at, word)| {
        let is_started = at == 0 || words[at - 1] == "exec" || words[at + 1..].contains(&"serve");
        program(word) == HASURA && !word.starts_with('-') && is_started
    })
}

/// Whether a name is in a text as a word of its own, and not as `$NAME` or `${NAME`.
fn sets(text: &str, name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with('$')
            && !before.ends_with("${")
            && !before.ends_with(is_of_name)
            && !after.starts_with(is_of_name)
    })
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
                matches!(Command::of(&container), Command::Unreadable(_)),
                "{command:?} {args:?}"
            );
        }
    }

    #[test]
    fn hasura_is_seen_in_a_command_in_arguments_and_in_a_shells_text() {
        let rows: [(&[&str], &[&str], bool); 10] = [
            (&["graphql-engine", "serve"], &[], true),
            (&["/bin/graphql-engine"], &["serve", "--jwt-secret=x"], true),
            (&["tini", "--", "graphql-engine"], &["serve"], true),
            (
                &["/bin/sh", "-c"],
                &["set -a; . /a.env\nexec docker-entrypoint.sh graphql-engine serve\n"],
                true,
            ),
            (&["sh", "-c", "wait && exec graphql-engine"], &[], true),
            (&["sh", "-c", "(graphql-engine serve)"], &[], true),
            (&["/cloud_sql_proxy"], &["-instances=p:r:i=tcp:5432"], false),
            (
                &["proxy", "--image=hasura/graphql-engine", "serve"],
                &[],
                false,
            ),
            (&["wait-for", "graphql-engine"], &[], false),
            (&[], &[], false),
        ];
        for (command, args, expected) in rows {
            let container = container(command, args);
            assert_eq!(runs_hasura(&container), expected, "{command:?} {args:?}");
        }
    }

    #[test]
    fn the_command_of_the_image_has_no_flags() {
        let container = Container::default();
        assert!(matches!(Command::of(&container), Command::OfImage));
    }

    #[test]
    fn who_starts_hasura_is_known_and_what_passes_it_on_as_it_is_is_nobody() {
        let of = |command: &[&str]| {
            let container = container(command, &[]);
            let starter = Command::of(&container).starter();
            starter.map(|starter| format!("{starter:?}"))
        };
        for command in [
            &["graphql-engine", "serve"][..],
            &["/bin/graphql-engine"],
            &["tini", "--", "graphql-engine", "serve"],
            &["docker-entrypoint.sh", "graphql-engine", "serve"],
            &[],
        ] {
            assert_eq!(of(command), None, "{command:?}");
        }
        for (command, starter) in [
            (&["/bin/sh", "-c", "graphql-engine serve"][..], "Shell"),
            (&["tini", "--", "bash", "x.sh", "graphql-engine"], "Shell"),
            (
                &["/usr/bin/env", "A=b", "graphql-engine"],
                "Program(\"env\")",
            ),
            (&["/start.sh"], "Program(\"start.sh\")"),
        ] {
            assert_eq!(of(command).as_deref(), Some(starter), "{command:?}");
        }
    }

    #[test]
    fn a_text_names_what_it_sets_and_not_what_it_reads() {
        const NAME: &str = "HASURA_GRAPHQL_JWT_SECRET";
        let names =
            |text: &str, name: &str| Command::of(&container(&["sh", "-c", text], &[])).names(name);
        for text in [
            "export HASURA_GRAPHQL_JWT_SECRET=\"$(cat /x)\"; exec graphql-engine serve",
            "HASURA_GRAPHQL_JWT_SECRET=x graphql-engine serve",
            "unset HASURA_GRAPHQL_JWT_SECRET",
        ] {
            assert!(names(text, NAME), "{text}");
        }
        for text in [
            "test -n \"$HASURA_GRAPHQL_JWT_SECRET\" && exec graphql-engine serve",
            "echo ${HASURA_GRAPHQL_JWT_SECRET:-none}",
            "export MY_HASURA_GRAPHQL_JWT_SECRET=x",
            "export HASURA_GRAPHQL_JWT_SECRET_FILE=x",
            "exec graphql-engine serve",
        ] {
            assert!(!names(text, NAME), "{text}");
        }
        assert!(names("graphql-engine serve --jwt-secret x", "--jwt-secret"));
        assert!(!names(
            "graphql-engine serve --jwt-secrets x",
            "--jwt-secret"
        ));
        let wrapped = ["env", "HASURA_GRAPHQL_JWT_SECRET=x", "graphql-engine"];
        assert!(Command::of(&container(&wrapped, &[])).names(NAME));
    }
}
