//! The table in docs/gitops.md, held against what was measured.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use anyhow::{Context, ensure};

use super::tools::Tool;
use crate::world::World;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gitops.md");
const BEGIN: &str = "<!-- the table begins; UPDATE_DOCS=1 writes it -->\n";
const END: &str = "<!-- the table ends -->\n";
const HEAD: &str = "\
| tool | delivery | the entry in Git | three syncs | value afterwards | rollouts | ReplicaSets | the instance says |
|---|---|---|---|---|---|---|---|
";

/// One file is written by several tests at a time.
static WRITING: Mutex<()> = Mutex::new(());

/// What the operator was told, and what Git has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Absent,
    Added,
    Present,
    TakenOut,
    Forced,
    Secret,
}

impl Stage {
    fn cells(self) -> [&'static str; 2] {
        match self {
            Self::Absent => ["PatchEnv", "absent"],
            Self::Added => ["PatchEnv", "added later"],
            Self::Present => ["PatchEnv", "there first"],
            Self::TakenOut => ["PatchEnv", "then taken out"],
            Self::Forced => ["PatchEnv, Force", "there first"],
            Self::Secret => ["Secret", "a reference"],
        }
    }
}

/// A row as it was measured.
pub struct Row {
    pub tool: &'static Tool,
    pub stage: Stage,
    pub syncs: String,
    pub value: &'static str,
    /// New generations of the Deployment; only its pod template changes here.
    pub rollouts: i64,
    pub replica_sets: usize,
    pub instance: String,
}

/// Between two quick changes of a template, the first gets a ReplicaSet or not: the Deployment controller's race.
const NOT_COUNTED: &str = "–";

impl Row {
    fn line(&self) -> String {
        let Self {
            syncs,
            value,
            rollouts,
            instance,
            ..
        } = self;
        let replica_sets = match self.stage {
            Stage::TakenOut => NOT_COUNTED.to_owned(),
            _ => self.replica_sets.to_string(),
        };
        format!(
            "{}{syncs} | {value} | {rollouts} | {replica_sets} | {instance} |",
            key(self.stage, self.tool)
        )
    }
}

/// How the row of a case begins.
fn key(stage: Stage, tool: &Tool) -> String {
    let [delivery, entry] = stage.cells();
    format!("| {} | {delivery} | {entry} | ", tool.label)
}

/// Fails with what is otherwise in the docs, or writes it there.
pub fn check(measured: Vec<Row>) -> anyhow::Result<()> {
    let _writing = WRITING.lock().unwrap();
    let text = fs::read_to_string(DOCS).context(DOCS)?;
    let mut rows = rows(&text)?;
    let mut wrong = Vec::new();
    for row in measured {
        let line = row.line();
        let documented = rows.insert(key(row.stage, row.tool), line.clone());
        if documented.as_ref() != Some(&line) {
            let documented = documented.as_deref().unwrap_or("nothing");
            wrong.push(format!("measured:   {line}\ndocumented: {documented}"));
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return write(&text, &rows);
    }
    ensure!(
        wrong.is_empty(),
        "docs/gitops.md is wrong; UPDATE_DOCS=1 writes what was measured\n{}",
        wrong.join("\n")
    );
    Ok(())
}

/// The documented rows by how they begin.
fn rows(text: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut rows = BTreeMap::new();
    for line in table(text)?.lines().skip(HEAD.lines().count()) {
        let end = line.match_indices("| ").nth(3).context(line.to_owned())?.0;
        let twice = rows.insert(line[..end + 2].to_owned(), line.to_owned());
        ensure!(twice.is_none(), "a case is there twice: {line}");
    }
    Ok(rows)
}

fn table(text: &str) -> anyhow::Result<&str> {
    let table = text
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END));
    Ok(table.with_context(|| format!("no table in {DOCS}"))?.0)
}

fn write(text: &str, rows: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let lines = super::rows()
        .into_iter()
        .filter_map(|(stage, tool)| rows.get(&key(stage, tool)))
        .map(|line| format!("{line}\n"));
    let new = format!("{HEAD}{}", lines.collect::<String>());
    let old = table(text)?;
    let text = match old.is_empty() {
        true => text.replace(BEGIN, &format!("{BEGIN}{new}")),
        false => text.replace(old, &new),
    };
    // A reader never sees half a file.
    let beside = Path::new(DOCS).with_extension("md.new");
    fs::write(&beside, text)?;
    Ok(fs::rename(beside, DOCS)?)
}

pub async fn the_table_has_a_row_for_each_case_and_no_other(_: Arc<World>) -> anyhow::Result<()> {
    let text = fs::read_to_string(DOCS).context(DOCS)?;
    let table = table(&text)?;
    ensure!(table.starts_with(HEAD), "another head:\n{table}");
    let documented: Vec<_> = table.lines().skip(HEAD.lines().count()).collect();
    let cases = super::rows();
    for (line, (stage, tool)) in documented.iter().zip(&cases) {
        let case = key(*stage, tool);
        ensure!(
            line.starts_with(&case),
            "{case:?} is missing before {line:?}"
        );
    }
    let (rows, cases) = (documented.len(), cases.len());
    ensure!(rows == cases, "{rows} rows for {cases} cases");
    Ok(())
}
