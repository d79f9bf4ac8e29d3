//! `logto-hasura crds`: prints the definitions of the kinds, or writes them to a folder.

use std::{fs, io::Write, path::PathBuf, process::ExitCode};

use clap::Parser;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;

use crate::api;

/// Print the CustomResourceDefinitions as YAML.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  logto-hasura crds | kubectl apply --server-side -f -
  logto-hasura crds --out-dir crds")]
pub struct Args {
    /// Write one file for each kind to this folder instead of printing them.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
}

/// Prints or writes the definitions.
pub fn run(args: &Args) -> ExitCode {
    match write(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("logto-hasura crds: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    for crd in api::crds() {
        let yaml = yaml(&crd)?;
        match &args.out_dir {
            Some(dir) => fs::write(dir.join(file_name(&crd)), yaml)?,
            None => write!(std::io::stdout(), "---\n{yaml}")?,
        }
    }
    Ok(())
}

/// The file under `crds/` that holds a definition.
pub fn file_name(crd: &CustomResourceDefinition) -> String {
    format!("{}.yaml", crd.name_any())
}

/// The definition as it stands in its file.
///
/// # Errors
/// Only when the definition can not be expressed in YAML, which a test rules out.
pub fn yaml(crd: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    let mut text = String::new();
    serde_saphyr::to_fmt_writer(&mut text, crd)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}
