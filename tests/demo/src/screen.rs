//! What is printed: numbered steps, short lines with the time since the start, tables.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Instant,
};

/// Standard output, for people.
pub struct Screen {
    start: Instant,
    colours: bool,
    steps: u32,
}

/// What stands left of everything that has no time of its own: as wide as `  12.3 s  `.
const MARGIN: &str = "          ";

/// How a text is shown on a terminal.
#[derive(Clone, Copy)]
pub enum Style {
    Bold,
    Dim,
    Good,
    Bad,
}

impl Screen {
    /// Colours are used on a terminal that can show them, unless `NO_COLOR` is set.
    pub fn new() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            start: Instant::now(),
            colours: io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
            steps: 0,
        }
    }

    /// Begins a step.
    pub fn step(&mut self, title: &str) -> io::Result<()> {
        self.steps += 1;
        let title = self.styled(Style::Bold, &format!("{}. {title}", self.steps));
        let time = self.time();
        print(&format!("\n{time}{title}"))
    }

    /// Says what happened just now.
    pub fn line(&self, text: &str) -> io::Result<()> {
        print(&format!("{}   {text}", self.time()))
    }

    /// Says something that belongs to no step.
    pub fn note(&self, text: &str) -> io::Result<()> {
        print(&format!("\n{}{text}", self.time()))
    }

    /// Says what failed.
    pub fn failure(&self, text: &str) -> io::Result<()> {
        let word = self.styled(Style::Bad, "FAILED:");
        print(&format!("\n{}{word} {text}", self.time()))
    }

    /// Shows lines that are not of this moment.
    pub fn quote(&self, text: &str) -> io::Result<()> {
        for line in text.lines() {
            print(format!("{MARGIN}   {line}").trim_end())?;
        }
        Ok(())
    }

    /// Leaves a line empty.
    pub fn gap(&self) -> io::Result<()> {
        print("")
    }

    /// Explains, less loudly.
    pub fn aside(&self, text: &str) -> io::Result<()> {
        for line in text.lines() {
            self.quote(&self.styled(Style::Dim, line))?;
        }
        Ok(())
    }

    /// Shows rows below a header in columns that are as wide as they need to be.
    pub fn table(&self, header: &[String], rows: &[Vec<String>]) -> io::Result<()> {
        let lines = || rows.iter().map(Vec::as_slice).chain([header]);
        let width = |column: usize| {
            let cells = lines().filter_map(|line| line.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..header.len()).map(width).collect();
        let text = |row: &[String]| {
            let cells = row.iter().zip(&widths);
            let cells: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            cells.join("   ").trim_end().to_owned()
        };
        self.quote(&self.styled(Style::Dim, &text(header)))?;
        for row in rows {
            self.quote(&text(row))?;
        }
        Ok(())
    }

    /// The text with colours where there are any.
    pub fn styled(&self, style: Style, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    fn time(&self) -> String {
        let time = format!("{:>6.1} s  ", self.start.elapsed().as_secs_f64());
        self.styled(Style::Dim, &time)
    }
}

/// Unlike `println!` it does not panic when nobody reads any more: the demo then ends in order.
fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
