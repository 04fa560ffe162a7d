//! Functions × hours as a table whose cells are shaded: a real one, with a number in every cell that has something to say.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::{
    api::overview::heat::{Counted, Heat, Line},
    console::{
        figures::{compact, grouped, percent},
        frame::Frame,
    },
    domain::{hour::Hour, instant::rfc3339},
};

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Count,
    Rate,
}

/// From which share of its invocations on a function's hour has each shade, in thousandths.
const RATES: [u64; 4] = [10, 50, 200, 500];

/// The table's body and head.
#[derive(Debug)]
pub(crate) struct Grid<'a> {
    pub(crate) heat: &'a Heat,
    pub(crate) by: By,
    pub(crate) frame: &'a Frame<'a>,
}

impl Grid<'_> {
    fn hour(&self, at: Hour) -> String {
        self.frame.look.zone.write(at.start(), "%H:%M")
    }

    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            r#"<colgroup><col class="who"></colgroup><thead><tr><th scope="col">Function</th>"#,
        )?;
        for (at, hour) in self.heat.hours.iter().enumerate() {
            let name = self.hour(*hour);
            // Most are told to those alone who listen: there is no room for all of them.
            let shown = at.is_multiple_of(3);
            let class = if shown { "" } else { r#" class="unseen-text""# };
            write!(f, r#"<th scope="col"><span{class}>{name}</span></th>"#)?;
        }
        f.write_str("</tr></thead>")
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, line: &Line) -> fmt::Result {
        let Some(function) = &line.function else { return self.rest(f, line) };
        let (account, region, name) = (&function.account, &function.region, &function.name);
        let href = self.frame.href(&format!("/functions/{account}/{region}/{name}"));
        write!(
            f,
            r#"<tr><th scope="row"><a href="{href}" title="{name}">{name}</a><span class="place">{account} · {region}</span></th>"#
        )?;
        for (hour, cell) in self.heat.hours.iter().zip(&line.cells) {
            match cell {
                Some(counted) if counted.timeouts > 0 => {
                    let (from, to) = (rfc3339(hour.start()), rfc3339(hour.end()));
                    let (from, to) = (from.replace(".000", ""), to.replace(".000", ""));
                    let class = self.shade(*counted);
                    let words = words(*counted);
                    let span = format!("{}–{}", self.hour(*hour), self.hour(hour.plus(1)));
                    let number = self.number(*counted);
                    write!(
                        f,
                        r#"<td class="{class}"><a href="{href}?from={from}&amp;to={to}" aria-label="{name}, {span}, {words}">{number}</a></td>"#
                    )?;
                }
                other => quiet(f, *other)?,
            }
        }
        f.write_str("</tr>")
    }

    fn rest(&self, f: &mut fmt::Formatter<'_>, line: &Line) -> fmt::Result {
        let others = grouped(u64::try_from(self.heat.others).unwrap_or(u64::MAX));
        write!(
            f,
            r#"<tr class="rest"><th scope="row"><span class="cut">All {others} others together</span></th>"#
        )?;
        for cell in &line.cells {
            match cell {
                Some(counted) if counted.timeouts > 0 => {
                    let (class, number) = (self.shade(*counted), self.number(*counted));
                    let words = words(*counted);
                    write!(
                        f,
                        r#"<td class="{class}" title="{words}">{number}<span class="unseen-text"> {words}</span></td>"#
                    )?;
                }
                other => quiet(f, *other)?,
            }
        }
        f.write_str("</tr>")
    }

    fn number(&self, counted: Counted) -> String {
        match self.by {
            By::Count => compact(counted.timeouts),
            By::Rate => percent(counted.timeouts, counted.invocations)
                .map_or_else(|| compact(counted.timeouts), |it| it.replace(' ', "")),
        }
    }

    /// One of five, by the square root of the count, because one function's storm should not make all others pale.
    fn shade(&self, counted: Counted) -> &'static str {
        const SHADES: [&str; 5] = ["h1", "h2", "h3", "h4", "h5"];
        let level = match self.by {
            By::Count => {
                let (count, most) = (counted.timeouts, self.heat.most().max(1));
                (1..=4).filter(|it| count * 25 > it * it * most).count()
            }
            By::Rate => {
                let rate = (counted.timeouts * 1_000).checked_div(counted.invocations);
                RATES.iter().filter(|it| rate.is_none_or(|rate| rate >= **it)).count()
            }
        };
        SHADES[level.min(4)]
    }
}

fn words(counted: Counted) -> String {
    format!("{} of {} timed out", grouped(counted.timeouts), grouped(counted.invocations))
}

/// A cell in which nothing timed out, or of which nothing is known.
fn quiet(f: &mut fmt::Formatter<'_>, cell: Option<Counted>) -> fmt::Result {
    match cell {
        Some(Counted { invocations, .. }) => {
            write!(f, r#"<td class="c"><span class="unseen-text">0 of {invocations}</span></td>"#)
        }
        None => f.write_str(r#"<td class="u"><span class="unseen-text">no data</span></td>"#),
    }
}

impl fmt::Display for Grid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        f.write_str("<tbody>")?;
        for line in self.heat.lines.iter().chain(&self.heat.rest) {
            self.line(f, line)?;
        }
        f.write_str("</tbody>")
    }
}

/// It is made of numbers, of words of ours, and of names that have letters, digits, '-' and '_' alone.
impl HtmlSafe for Grid<'_> {}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{
        console::{frame::Section, look::tests::look},
        store::laboratory::function,
    };

    #[track_caller]
    fn check(by: By, cells: Vec<Option<(u64, u64)>>, expected: Expect) {
        let counted = |(timeouts, invocations)| Counted { timeouts, invocations };
        let cells: Vec<_> = cells.into_iter().map(|it| it.map(counted)).collect();
        let hours = (0_u32..).take(cells.len()).map(|it| Hour::from_number(498_180 + it)).collect();
        let line = Line { function: Some(function("orders")), cells };
        let heat = Heat { hours, lines: vec![line], rest: None, others: 0 };
        let look = look("/?tz=Europe/Berlin", "").unwrap();
        let frame = Frame::new(&look, Section::Overview, "Overview");
        let grid = Grid { heat: &heat, by, frame: &frame }.to_string();
        let (_, body) = grid.split_once("</th><td").unwrap();
        expected.assert_eq(&format!("<td{body}"));
    }

    #[test]
    fn a_cell_says_who_when_and_how_often() {
        check(
            By::Count,
            vec![None, Some((0, 7)), Some((3, 120))],
            expect![[
                r#"<td class="u"><span class="unseen-text">no data</span></td><td class="c"><span class="unseen-text">0 of 7</span></td><td class="h5"><a href="/functions/012345678901/eu-west-1/orders?from=2026-10-31T14:00:00Z&amp;to=2026-10-31T15:00:00Z" aria-label="orders, 15:00–16:00, 3 of 120 timed out">3</a></td></tr></tbody>"#
            ]],
        );
    }

    #[test]
    fn shades_have_steps() {
        let look = look("/", "").unwrap();
        let frame = Frame::new(&look, Section::Overview, "Overview");
        let cell = Some(Counted { timeouts: 100, invocations: 100 });
        let line = Line { function: Some(function("orders")), cells: vec![cell] };
        let heat =
            Heat { hours: vec![Hour::from_number(0)], lines: vec![line], rest: None, others: 0 };
        let shades = |by, counts: [(u64, u64); 5]| {
            let grid = Grid { heat: &heat, by, frame: &frame };
            counts.map(|(timeouts, invocations)| grid.shade(Counted { timeouts, invocations }))
        };
        let all = ["h1", "h2", "h3", "h4", "h5"];
        assert_eq!(shades(By::Count, [(1, 9), (5, 9), (17, 99), (40, 99), (100, 999)]), all);
        assert_eq!(shades(By::Rate, [(1, 999), (1, 90), (1, 10), (1, 3), (5, 5)]), all);
    }
}
