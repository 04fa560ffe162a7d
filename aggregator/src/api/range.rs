//! Ranges of time, and into which steps they are cut.
//!
//! What is kept has minutes for two weeks and hours for a year, and a range is answered in whole steps of one of them: an
//! answer says from when to when it really reaches, rather than what was asked.

mod kept;

use std::time::Duration;

use overtime_wire::EpochMillis;
use serde::Deserialize;
use utoipa::openapi::schema::Schema;

use crate::{
    api::{
        problem::Problem,
        words::{Text, WhenText, Word, choose, one_of},
    },
    store::retention::Retention,
};

pub(crate) const DAY: Duration = Duration::from_hours(24);
/// Clocks differ a little.
const AHEAD: Duration = Duration::from_hours(1);
/// Why a range is refused of which nothing can be said any more: no counts would look like counts of zero.
pub(crate) const GONE: &str = "lies before everything that is still kept";
/// Most points of a series.
const POINTS_MAX: u64 = 1_500;

/// `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: EpochMillis,
    pub(crate) to: EpochMillis,
}

/// Over which time something is asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// From here on, in whole steps of what is counted; the last day if it is not said.
    #[param(inline)]
    pub(crate) from: Option<WhenText>,
    /// Up to here; now if it is not said.
    #[param(inline)]
    pub(crate) to: Option<WhenText>,
}

impl Span {
    pub(crate) fn range(&self, horizon: Horizon) -> Result<Range, Problem> {
        Range::asked((self.from.as_ref(), self.to.as_ref()), horizon)
    }
}

/// Now, and how far back from it anything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Horizon {
    pub(crate) now: EpochMillis,
    minutes_from: EpochMillis,
    hours_from: EpochMillis,
}

impl Horizon {
    pub(crate) fn of(now: EpochMillis, retention: &Retention) -> Self {
        let Retention { blocks, hours, .. } = retention;
        Self { now, minutes_from: now.minus(*blocks), hours_from: now.minus(*hours) }
    }
}

/// How much time a point of a series stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Minute,
    Block,
    Hour,
    Day,
}

/// What the fleet is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coarse {
    Hour,
    Day,
}

pub(crate) type StepText = Text<Step>;
pub(crate) type CoarseText = Text<Coarse>;

impl From<Coarse> for Step {
    fn from(coarse: Coarse) -> Self {
        match coarse {
            Coarse::Hour => Self::Hour,
            Coarse::Day => Self::Day,
        }
    }
}

/// Why a range that ends before it begins is refused, by the parameter that was given.
pub(crate) fn backwards(has_end: bool) -> Problem {
    if has_end {
        Problem::invalid("to", "lies before from")
    } else {
        Problem::invalid("from", "lies in the future")
    }
}

impl Range {
    /// What is asked for: the last day where nothing is said, and never more than is kept.
    pub(crate) fn asked(
        (from, to): (Option<&WhenText>, Option<&WhenText>),
        horizon: Horizon,
    ) -> Result<Self, Problem> {
        let (now, ends) = (horizon.now, to.is_some());
        let to = to.map_or(now, |it| it.0.resolve(now));
        let from = from.map_or(to.min(now).minus(DAY), |it| it.0.resolve(now));
        if to < from {
            return Err(backwards(ends));
        }
        let (oldest, newest) = (horizon.hours_from, now.plus(AHEAD));
        if to < oldest {
            return Err(Problem::invalid("to", GONE));
        }
        Ok(Self { from: from.clamp(oldest, newest), to: to.clamp(oldest, newest) })
    }

    pub(crate) fn length(self) -> Duration {
        self.to.since(self.from)
    }

    /// The whole steps that any of this lies in; one at least.
    pub(crate) fn whole(self, step: Step) -> Self {
        let from = step.begin(self.from);
        let to = step.begin(EpochMillis(self.to.0 - 1)).plus(step.length());
        Self { from, to: to.max(from.plus(step.length())) }
    }

    /// The last instant of it.
    pub(crate) fn last(self) -> EpochMillis {
        EpochMillis(self.to.0 - 1)
    }

    /// Whether minutes are still kept of all of it.
    pub(crate) fn has_minutes(self, horizon: Horizon) -> bool {
        self.from >= horizon.minutes_from
    }
}

impl Step {
    const ALL: [(&'static str, Self); 4] =
        [("1m", Self::Minute), ("15m", Self::Block), ("1h", Self::Hour), ("1d", Self::Day)];

    /// The step that is asked for, or one that makes a picture of the range.
    pub(crate) fn asked(
        step: Option<StepText>,
        range: Range,
        horizon: Horizon,
    ) -> Result<Self, Problem> {
        let Some(Text(step)) = step else { return Ok(Self::fitting(range, horizon)) };
        let points = range.whole(step).points(step);
        if points > POINTS_MAX {
            let why =
                format!("cuts the range into {points} points, at most {POINTS_MAX} are answered");
            return Err(Problem::invalid("step", why));
        }
        if step < Self::Hour && !range.has_minutes(horizon) {
            return Err(Problem::invalid("step", "is finer than what is still kept of the range"));
        }
        Ok(step)
    }

    fn fitting(range: Range, horizon: Horizon) -> Self {
        let length = range.length();
        if length > 32 * DAY {
            Self::Day
        } else if length > Duration::from_hours(36) || !range.has_minutes(horizon) {
            Self::Hour
        } else if length > Duration::from_hours(3) {
            Self::Block
        } else {
            Self::Minute
        }
    }

    pub(crate) fn length(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::Block => Duration::from_mins(15),
            Self::Hour => Duration::from_hours(1),
            Self::Day => DAY,
        }
    }

    /// When the step that `at` lies in begins.
    pub(crate) fn begin(self, at: EpochMillis) -> EpochMillis {
        let length = i64::try_from(self.length().as_millis()).unwrap_or(i64::MAX);
        EpochMillis(at.0 - at.0.rem_euclid(length))
    }
}

impl Range {
    fn points(self, step: Step) -> u64 {
        self.length().as_secs() / step.length().as_secs()
    }
}

impl Word for Step {
    const NAME: &'static str = "Step";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL)
    }

    fn write(&self) -> String {
        let name = Self::ALL.iter().find(|(_, it)| it == self);
        name.map_or("", |(name, _)| name).to_owned()
    }

    fn schema() -> Schema {
        one_of("How much time a point stands for.", Self::ALL.map(|(name, _)| name))
    }
}

impl Coarse {
    const ALL: [(&'static str, Self); 2] = [("1h", Self::Hour), ("1d", Self::Day)];
}

impl Word for Coarse {
    const NAME: &'static str = "CoarseStep";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL)
    }

    fn write(&self) -> String {
        Step::from(*self).write()
    }

    fn schema() -> Schema {
        one_of("How much time a point stands for.", Self::ALL.map(|(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_234_567);

    fn horizon() -> Horizon {
        Horizon::of(NOW, &Retention::default())
    }

    fn range(from: &str, to: &str) -> Result<Range, Problem> {
        let when = |text| (!str::is_empty(text)).then(|| Text(Word::read(text).unwrap()));
        Range::asked((when(from).as_ref(), when(to).as_ref()), horizon())
    }

    #[track_caller]
    fn check(from: &str, step: Option<Step>, expected: Result<Step, &str>) {
        let found = Step::asked(step.map(Text), range(from, "").unwrap(), horizon());
        assert_eq!(found.map_err(|it| it.to_string()), expected.map_err(str::to_owned), "{from}");
    }

    #[test]
    fn a_range_is_the_last_day_or_what_is_kept_of_what_was_asked() {
        let day = range("", "").unwrap();
        assert_eq!(day, Range { from: NOW.minus(DAY), to: NOW });
        assert_eq!(range("1970-01-01T00:00:00Z", "").unwrap().from, horizon().hours_from);
        assert_eq!(range("now", "9000-01-01T00:00:00Z").unwrap().to, NOW.plus(AHEAD));
        assert_eq!(range("now-1h", "now-2h").unwrap_err().to_string(), "to lies before from");
        assert_eq!(range("", "now-7d").unwrap().length(), DAY);
        assert_eq!(
            range("9000-01-01T00:00:00Z", "").unwrap_err().to_string(),
            "from lies in the future"
        );
        let gone = range("", "1970-01-01T00:00:00Z").unwrap_err();
        assert_eq!(gone.to_string(), "to lies before everything that is still kept");
    }

    #[test]
    fn whole_steps_hold_all_of_a_range_and_no_step_more() {
        let hours = range("now-2h", "now").unwrap().whole(Step::Hour);
        assert_eq!((hours.from.0 % 3_600_000, hours.to.0 % 3_600_000), (0, 0));
        assert_eq!(hours.length(), Duration::from_hours(3));
        assert_eq!(hours.whole(Step::Hour), hours);
        let moment = range("now", "now").unwrap().whole(Step::Minute);
        assert_eq!(moment.length(), Duration::from_mins(1));
    }

    #[test]
    fn a_step_makes_a_picture_and_not_a_dump() {
        check("now-1h", None, Ok(Step::Minute));
        check("now-24h", None, Ok(Step::Block));
        check("now-7d", None, Ok(Step::Hour));
        check("now-300d", None, Ok(Step::Day));
        check("now-24h", Some(Step::Minute), Ok(Step::Minute));
        let many = "step cuts the range into 2881 points, at most 1500 are answered";
        check("now-2d", Some(Step::Minute), Err(many));
        check("now-15d", Some(Step::Block), Ok(Step::Block));
        let gone = "step is finer than what is still kept of the range";
        let old = range("now-20d", "now-19d").unwrap();
        let problem = Step::asked(Some(Text(Step::Block)), old, horizon()).unwrap_err();
        assert_eq!(problem.to_string(), gone);
        assert_eq!(Step::asked(None, old, horizon()).unwrap(), Step::Hour);
    }
}
