//! Bounds on a number, as rules state them.

use crate::config::reader::Object;

/// Bounds on a number; those that are there have to hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Predicate {
    pub(crate) gt: Option<f64>,
    pub(crate) gte: Option<f64>,
    pub(crate) lt: Option<f64>,
    pub(crate) lte: Option<f64>,
}

impl Predicate {
    /// Reads `gt`, `gte`, `lt` and `lte`.
    pub(crate) fn read(mut object: Object<'_>) -> Predicate {
        const ANY: std::ops::RangeInclusive<f64> = -1e15..=1e15;
        let predicate = Predicate {
            gt: object.number("gt", ANY),
            gte: object.number("gte", ANY),
            lt: object.number("lt", ANY),
            lte: object.number("lte", ANY),
        };
        let Predicate { gt, gte, lt, lte } = predicate;
        let is_set = ["gt", "gte", "lt", "lte"].map(|key| object.get(key).is_some());
        if is_set == [false; 4] {
            let path = object.path().to_owned();
            object.report().error(path, "needs gt, gte, lt or lte");
        }
        if gt.and(gte).is_some() {
            object.error("gte", "there is a gt as well");
        }
        if lt.and(lte).is_some() {
            object.error("lte", "there is an lt as well");
        }
        let (low, high) = (gt.or(gte), lt.or(lte));
        if low
            .zip(high)
            .is_some_and(|(low, high)| low > high || (low == high && gt.or(lt).is_some()))
        {
            let path = object.path().to_owned();
            object
                .report()
                .error(path, "never holds: the lower bound is above the upper one");
        }
        object.finish();
        predicate
    }

    pub(crate) fn holds(&self, value: f64) -> bool {
        self.gt.is_none_or(|bound| value > bound)
            && self.gte.is_none_or(|bound| value >= bound)
            && self.lt.is_none_or(|bound| value < bound)
            && self.lte.is_none_or(|bound| value <= bound)
    }
}
