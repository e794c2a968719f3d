//! The results: printed while they are measured, then as a table, JSON and plots in `bench/results/`.

use std::{fmt::Write as _, fs};

use serde::Serialize;

use crate::{
    process::repository,
    stats::{median, range},
    svg,
};

/// Repetitions of each measurement.
pub const REPETITIONS: usize = 3;

/// Everything that one run measured.
#[derive(Serialize)]
pub struct Report {
    name: String,
    machine: Machine,
    rows: Vec<Row>,
    notes: Vec<String>,
    #[serde(skip)]
    plots: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
}

/// One line of the table.
#[derive(Serialize)]
pub struct Row {
    measure: String,
    unit: &'static str,
    ours: Sample,
    floor: Option<(String, Sample)>,
    ratio: Option<Sample>,
    target: Option<Target>,
    reached: bool,
}

/// The values of some repetitions.
#[derive(Serialize, Clone)]
struct Sample {
    median: f64,
    least: f64,
    most: f64,
    values: Vec<f64>,
}

#[derive(Serialize, Clone, Copy)]
enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Sample {
    fn of(values: &[f64]) -> Self {
        let (least, most) = range(values);
        Self { median: median(values), least, most, values: values.to_vec() }
    }
}

impl Row {
    /// So many of a unit, once for each repetition.
    pub fn new(measure: impl Into<String>, unit: &'static str, ours: &[f64]) -> Self {
        let (measure, ours) = (measure.into(), Sample::of(ours));
        Self { measure, unit, ours, floor: None, ratio: None, target: None, reached: true }
    }

    /// Beside a floor of the same repetitions: what counts then is the ratio of each pair.
    pub fn beside(mut self, floor: impl Into<String>, values: &[f64]) -> Self {
        let ratios: Vec<f64> =
            self.ours.values.iter().zip(values).map(|(ours, floor)| ours / floor).collect();
        self.floor = Some((floor.into(), Sample::of(values)));
        self.ratio = Some(Sample::of(&ratios));
        self
    }

    pub fn at_least(self, bound: f64) -> Self {
        let reached = self.counts() >= bound;
        Self { target: Some(Target::AtLeast(bound)), reached, ..self }
    }

    pub fn at_most(self, bound: f64) -> Self {
        let reached = self.counts() <= bound;
        Self { target: Some(Target::AtMost(bound)), reached, ..self }
    }

    fn counts(&self) -> f64 {
        self.ratio.as_ref().unwrap_or(&self.ours).median
    }

    fn cells(&self) -> [String; 6] {
        let sample = |sample: &Sample, unit| {
            format!("{} {unit}({} to {})", short(sample.median), short(sample.least), short(sample.most))
        };
        let (floor, ratio) = match (&self.floor, &self.ratio) {
            (Some((name, floor)), Some(ratio)) => {
                (format!("{name}: {}", sample(floor, "")), sample(ratio, ""))
            }
            _ => (String::new(), String::new()),
        };
        let target = match self.target {
            Some(Target::AtLeast(bound)) => format!("at least {}", short(bound)),
            Some(Target::AtMost(bound)) => format!("at most {}", short(bound)),
            None => String::new(),
        };
        let verdict = match (self.target, self.reached) {
            (None, _) => "",
            (_, true) => "reached",
            (_, false) => "missed",
        };
        let ours = sample(&self.ours, &format!("{} ", self.unit));
        [self.measure.clone(), ours, floor, ratio, target, verdict.to_owned()]
    }
}

impl Report {
    pub fn new(name: &str) -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let machine = Machine {
            processor: model.map_or_else(|| "unknown".into(), |(_, name)| name.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        };
        println!("{}, {} cores, Linux {}", machine.processor, machine.cores, machine.kernel);
        Self { name: name.to_owned(), machine, rows: Vec::new(), notes: Vec::new(), plots: Vec::new() }
    }

    pub fn row(&mut self, row: Row) {
        let [measure, rest @ ..] = row.cells();
        println!("{measure}: {}", rest.join(" | "));
        self.rows.push(row);
    }

    /// Something that is worth saying and has no bound.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        println!("  {note}");
        self.notes.push(note);
    }

    /// Groups of bars, one group for each label.
    pub fn plot(&mut self, name: &str, title: &str, groups: &[(String, Vec<(String, f64)>)]) {
        self.plots.push((name.to_owned(), svg::bars(title, groups)));
    }

    pub fn is_reached(&self) -> bool {
        self.rows.iter().all(|row| row.reached)
    }

    /// The table, in Markdown.
    pub fn table(&self) -> String {
        let mut table =
            "| measure | here | floor | ratio | to reach | |\n| --- | --- | --- | --- | --- | --- |\n"
                .to_owned();
        for row in &self.rows {
            let _ = writeln!(table, "| {} |", row.cells().join(" | "));
        }
        table
    }

    /// Prints the table, and writes everything into files.
    pub fn write(&self) -> anyhow::Result<()> {
        println!("\n{}", self.table());
        let folder = repository().join("bench/results");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{}.json", self.name)), serde_json::to_string_pretty(self)? + "\n")?;
        let mut text = format!(
            "# {}\n\nOn {}, {} cores, Linux {}. Medians of the repetitions, least and most in brackets.\n\n{}",
            self.name,
            self.machine.processor,
            self.machine.cores,
            self.machine.kernel,
            self.table()
        );
        for note in &self.notes {
            let _ = write!(text, "\n- {note}");
        }
        fs::write(folder.join(format!("{}.md", self.name)), text.trim_end().to_owned() + "\n")?;
        for (name, plot) in &self.plots {
            fs::write(folder.join(format!("{name}.svg")), plot)?;
        }
        Ok(())
    }
}

/// A number with about three digits that count.
pub fn short(number: f64) -> String {
    match number.abs() {
        1000.0.. => {
            let whole = format!("{number:.0}");
            let (head, tail) = whole.split_at(whole.len() - 3);
            format!("{head},{tail}")
        }
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        1.0.. => format!("{number:.2}"),
        0.0 => "0".into(),
        _ => format!("{number:.3}"),
    }
}
