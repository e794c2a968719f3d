//! Plots: groups of horizontal bars, readable in light and dark.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 300.0;
const BAR: f64 = 18.0;
const COLOURS: [&str; 6] = ["#8a8f98", "#2f7ed8", "#f28f43", "#77a033", "#8e5bb5", "#c4423f"];

/// A group for each label, in it a bar for each series; the widest is as wide as there is room.
pub fn bars(title: &str, groups: &[(String, Vec<(String, f64)>)]) -> String {
    let widest =
        groups.iter().flat_map(|(_, bars)| bars).map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let mut body = String::new();
    let mut y = 34.0;
    for (label, series) in groups {
        body.push_str(&text(8.0, y + 13.0, "group", label));
        y += 20.0;
        for (index, (name, value)) in series.iter().enumerate() {
            let width = (WIDTH - LABELS - 90.0) * value / widest;
            let colour = COLOURS[index % COLOURS.len()];
            body.push_str(&text(20.0, y + 13.0, "name", name));
            let _ = writeln!(
                body,
                "<rect x=\"{LABELS}\" y=\"{:.0}\" width=\"{:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>",
                y + 2.0,
                width.max(1.0),
                BAR - 4.0
            );
            body.push_str(&text(LABELS + width + 6.0, y + 13.0, "name", &crate::report::short(*value)));
            y += BAR;
        }
        y += 8.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y:.0}\" viewBox=\"0 0 {WIDTH} {y:.0}\" \
         role=\"img\">\n<style>text{{font:13px system-ui,sans-serif;fill:#333}}.title{{font-weight:600;font-size:15px}}\
         .group{{font-weight:600}}@media(prefers-color-scheme:dark){{text{{fill:#ddd}}}}</style>\n{}{body}</svg>\n",
        text(8.0, 20.0, "title", title)
    )
}

fn text(x: f64, y: f64, class: &str, content: &str) -> String {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x=\"{x:.0}\" y=\"{y:.0}\" class=\"{class}\">{content}</text>\n")
}
