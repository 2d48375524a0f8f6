//! A picture of who needs whom.

use std::fmt::Write as _;

use ays_operations::{ServiceGraph, ServiceName};

use super::image::text;

/// What a letter takes of the width, and a line of the height, in pixels.
const LETTER: usize = 8;
const HEIGHT: usize = 32;
/// Between boxes.
const GAP: usize = 14;
const BETWEEN_COLUMNS: usize = 48;

/// A service, as people call it.
pub(super) fn title((template, instance): &ServiceName) -> String {
    if *instance == "main" { template.to_string() } else { format!("{template} ({instance})") }
}

/// The graph as SVG: who needs others stands left of these.
pub(super) fn svg(graph: &ServiceGraph, link: &dyn Fn(&ServiceName) -> Option<String>) -> String {
    let titles: Vec<String> = graph.services.iter().map(title).collect();
    let columns = columns(graph);
    let last = columns.iter().copied().max().unwrap_or_default();
    let (mut places, mut x, mut height) = (vec![(0, 0, 0); titles.len()], 1, 0);
    for column in 0..=last {
        let of_column: Vec<usize> = (0..titles.len()).filter(|number| columns[*number] == column).collect();
        let longest =
            of_column.iter().map(|number| titles[*number].chars().count()).max().unwrap_or_default();
        let width = longest * LETTER + 2 * GAP;
        for (row, number) in of_column.iter().enumerate() {
            places[*number] = (x, 1 + row * (HEIGHT + GAP), width);
        }
        height = height.max(of_column.len() * (HEIGHT + GAP));
        x += width + BETWEEN_COLUMNS;
    }
    let (width, height) = (x.saturating_sub(BETWEEN_COLUMNS) + 1, height + GAP);
    let said: Vec<String> =
        graph.needs.iter().map(|(who, whom)| format!("{} needs {}", titles[*who], titles[*whom])).collect();
    let mut svg = format!(
        "<svg class=\"graph\" role=\"img\" aria-label=\"{}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">",
        text(&said.join("; "))
    );
    for (who, whom) in &graph.needs {
        let ((x, y, width), (to, below, _)) = (places[*who], places[*whom]);
        let (from, y, below) = (x + width, y + HEIGHT / 2, below + HEIGHT / 2);
        let middle = usize::midpoint(from, to);
        // One that leads on by other columns goes below what stands there.
        let bend = if columns[*whom] - columns[*who] > 1 { HEIGHT + GAP } else { 0 };
        let (out, back) = (y + bend, below + bend);
        // Writing into a String does not fail.
        let _ = write!(svg, "<path d=\"M{from} {y}C{middle} {out} {middle} {back} {to} {below}\"/>");
    }
    for (number, (x, y, width)) in places.iter().enumerate() {
        let class = if number == graph.asked { " class=\"asked\"" } else { "" };
        let box_of = format!(
            "<rect{class} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"4\"/><text x=\"{}\" y=\"{}\">{}</text>",
            x + GAP,
            y + HEIGHT / 2 + 5,
            text(&titles[number])
        );
        let elsewhere = if number == graph.asked { None } else { link(&graph.services[number]) };
        let _ = match elsewhere {
            Some(href) => write!(svg, "<a href=\"{}\">{box_of}</a>", text(&href)),
            None => write!(svg, "{box_of}"),
        };
    }
    svg.push_str("</svg>");
    svg
}

/// The column of each service: right of all that need it.
fn columns(graph: &ServiceGraph) -> Vec<usize> {
    let mut columns = vec![0; graph.services.len()];
    // A way is no longer than there are services; there are no circles.
    for _ in 0..graph.services.len() {
        for (who, whom) in &graph.needs {
            columns[*whom] = columns[*whom].max(columns[*who] + 1);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_needs_others_stands_left_of_them() {
        let service = |name: &str| (name.into(), "main".into());
        let services = vec![service("web"), service("db"), service("disk"), service("<all>")];
        let graph = ServiceGraph { services, asked: 0, needs: vec![(0, 1), (0, 2), (1, 2), (3, 0)] };
        assert_eq!(columns(&graph), [1, 2, 3, 0]);
        let svg = svg(&graph, &|(name, _)| (*name == "db").then(|| "/services/db".to_owned()));
        assert!(
            svg.contains("web needs db; web needs disk; db needs disk; &#60;all&#62; needs web"),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect").count(), 4);
        assert_eq!(svg.matches("<a href=\"/services/db\">").count(), 1);
        assert_eq!(svg.matches("class=\"asked\"").count(), 1);
    }
}
