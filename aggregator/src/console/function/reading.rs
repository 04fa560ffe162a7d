//! Everything that a function's page is made from, read beside each other.

use futures::future::{try_join3, try_join4};
use overtime_wire::FunctionKey;

use crate::{
    api::{
        Reader,
        alerts::{item::Item as Alert, standing},
        answer::Page,
        function::{
            self, Function, SeriesAsked,
            analyses::{self, Analyses},
        },
        problem::Problem,
        range::{Range, Span, Step},
        series::Point,
        timeouts::{self, item::Item},
        viewer::LogTails,
        words::{Limit, Text},
    },
    console::{
        chart::axis::Axis,
        look::{Look, Zone},
        table,
    },
    domain::configuration::Subscription,
};

#[derive(Debug)]
pub(super) struct Reading {
    pub(super) key: FunctionKey,
    pub(super) function: Function,
    pub(super) series: Vec<Point>,
    /// Where the series has none: durations are kept by the quarter of an hour.
    pub(super) durations: Option<Vec<Point>>,
    pub(super) timeouts: Page<Item>,
    /// What would tell of it.
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) alerts: Vec<Alert>,
    pub(super) analyses: Analyses,
    range: Range,
    step: Step,
}

/// How many of the latest timeouts are shown.
pub(super) const TIMEOUTS: u16 = 20;

impl Reading {
    pub(super) async fn of(
        reader: &Reader,
        key: FunctionKey,
        look: &Look,
    ) -> Result<Self, Problem> {
        let asked: SeriesAsked = table::asked(look)?;
        let horizon = reader.horizon();
        let range = Range::asked((asked.from.as_ref(), asked.to.as_ref()), horizon)?;
        let step = Step::asked(asked.step, range, horizon)?;
        let span = Span { from: asked.from, to: asked.to };
        let coarse = SeriesAsked { step: Some(Text(Step::Block)), ..asked };
        let latest = timeouts::Asked {
            account: Some(Text(key.account)),
            region: Some(Text(key.region.clone())),
            function: Some(Text(key.name.clone())),
            from: asked.from,
            to: asked.to,
            limit: Some(Text(Limit::at_most(TIMEOUTS))),
            ..timeouts::Asked::default()
        };
        let counted = try_join4(
            function::read(reader, &key, &span),
            function::read_series(reader, &key, &asked),
            durations(reader, &key, (step == Step::Minute).then_some(&coarse)),
            timeouts::read(reader, &latest, LogTails::from(&look.viewer)),
        );
        let ((function, series, durations, timeouts), (subscriptions, alerts), analyses) =
            Box::pin(try_join3(counted, told(reader, &key), analyses::read(reader, &key, &span)))
                .await?;
        let tags = &function.profile.tags;
        let subscriptions =
            subscriptions.into_iter().filter(|it| it.scope.covers(&key, tags)).collect();
        Ok(Self {
            key,
            function,
            series: series.items,
            durations,
            timeouts,
            subscriptions,
            alerts,
            analyses,
            range,
            step,
        })
    }

    pub(super) fn axis(&self, zone: &Zone) -> Axis {
        across(self.range, self.step, zone)
    }

    pub(super) fn durations_axis(&self, zone: &Zone) -> Axis {
        across(self.range, if self.durations.is_some() { Step::Block } else { self.step }, zone)
    }
}

fn across(range: Range, step: Step, zone: &Zone) -> Axis {
    let Range { from, to } = range.whole(step);
    Axis::new((from, to), step.length(), zone)
}

async fn durations(
    reader: &Reader,
    key: &FunctionKey,
    asked: Option<&SeriesAsked>,
) -> Result<Option<Vec<Point>>, Problem> {
    match asked {
        Some(asked) => Ok(Some(function::read_series(reader, key, asked).await?.items)),
        None => Ok(None),
    }
}

/// What could tell of the function, and its open alerts.
async fn told(
    reader: &Reader,
    key: &FunctionKey,
) -> Result<(Vec<Subscription>, Vec<Alert>), Problem> {
    let configuration = reader.store().configuration(reader.now()).await?;
    let alerts = standing::of(reader, key, &configuration).await?;
    let subscriptions = configuration.subscriptions.iter().map(|it| it.value.clone());
    Ok((subscriptions.filter(|it| it.enabled).collect(), alerts))
}
