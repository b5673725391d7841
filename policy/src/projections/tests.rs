use super::*;

/// Where it is, and whether it belongs to the band.
type End = Option<(f64, bool)>;

fn mapping(emits: Emits, slope: f64, bands: &[(End, End)]) -> Mapping {
    let edge = |end: &End| end.map(|(at, inclusive)| Edge { at, inclusive });
    let bands = bands.iter().map(|(lower, upper)| Band {
        name: String::new(),
        lower: edge(lower),
        upper: edge(upper),
    });
    Mapping {
        source: 0,
        emits,
        slope,
        bands: bands.collect(),
    }
}

/// Below 0.3; from 0.3 to below 0.5; above 0.5 to 1; all above 0.4.
fn bands(emits: Emits, slope: f64) -> Mapping {
    let bands = [
        (None, Some((0.3, false))),
        (Some((0.3, true)), Some((0.5, false))),
        (Some((0.5, false)), Some((1.0, true))),
        (Some((0.4, false)), None),
    ];
    mapping(emits, slope, &bands)
}

#[test]
fn a_score_is_in_the_first_band_that_holds_it_or_in_all() {
    let table: [(f64, &[usize], &[usize]); 8] = [
        (-7.0, &[0], &[0]),
        (0.29, &[0], &[0]),
        (0.3, &[1], &[1]),
        (0.45, &[1], &[1, 3]),
        (0.5, &[3], &[3]),
        (0.51, &[2], &[2, 3]),
        (1.0, &[2], &[2, 3]),
        (1.01, &[3], &[3]),
    ];
    for (score, first, all) in table {
        for (emits, expected) in [(Emits::First, first), (Emits::All, all)] {
            let mapping = bands(emits, 12.0);
            let found: Vec<_> = (0..4)
                .filter(|band| mapping.exact(*band, score).is_some())
                .collect();
            assert_eq!(found, expected, "{score} {emits:?}");
        }
    }
}

/// 1 / (1 + e^(-slope d)), worked out by hand.
#[test]
fn confidence_grows_with_the_distance_from_the_nearest_edge() {
    let table = [
        (12.0, 0, 0.3 - 0.1, 0.768_524_783_499_017_6),
        (12.0, 1, 0.3, 0.5),
        (12.0, 1, 0.4, 0.768_524_783_499_017_6),
        (12.0, 1, 0.35, 0.645_656_306_225_795_4),
        (10.0, 2, 0.75, 0.924_141_819_978_756_6),
        (10.0, 3, 1.4, 0.999_954_602_131_297_6),
    ];
    for (slope, band, score, expected) in table {
        let found = bands(Emits::First, slope).exact(band, score).unwrap();
        assert!((found - expected).abs() < 1e-12, "{band} {score}: {found}");
    }
}

#[test]
fn a_range_reaches_a_band_if_one_of_its_scores_can_be_in_it() {
    let mapping = bands(Emits::First, 12.0);
    let table = [
        (1, 0.0, 0.29, false),
        (1, 0.0, 0.3, true),
        (1, 0.31, 0.32, true),
        (1, 0.6, 0.7, false),
        (3, -9.0, 0.39, false),
        (0, 0.31, 9.0, false),
        (0, -9.0, 9.0, true),
    ];
    for (band, low, high, expected) in table {
        assert_eq!(
            mapping.bands[band].reaches(low, high),
            expected,
            "{band} {low} {high}"
        );
    }
}

fn partition(temperature: Option<f64>) -> Partition {
    Partition {
        kind: SignalKind::Domain,
        members: vec![0, 1, 3],
        default: 3,
        temperature,
    }
}

#[test]
fn a_partition_leaves_one_member_and_all_that_are_none() {
    type Row = ([Option<f32>; 5], [Option<f32>; 5], Option<usize>);
    let table: [Row; 5] = [
        (
            [Some(0.6), Some(0.7), Some(0.9), None, None],
            [None, Some(0.7), Some(0.9), None, None],
            None,
        ),
        (
            [None, Some(0.7), None, None, Some(0.2)],
            [None, Some(0.7), None, None, Some(0.2)],
            None,
        ),
        ([None; 5], [None, None, None, Some(0.0), None], Some(3)),
        (
            [None, None, Some(0.9), None, Some(0.8)],
            [None, None, Some(0.9), Some(0.0), Some(0.8)],
            Some(3),
        ),
        (
            [Some(0.5), None, None, Some(0.5), None],
            [Some(0.5), None, None, None, None],
            None,
        ),
    ];
    for (before, after, default) in table {
        let mut confidences = before;
        assert_eq!(partition(None).choose(&mut confidences), default, "{before:?}");
        assert_eq!(confidences, after, "{before:?}");
    }
}

/// The winner's confidence becomes its part of the softmax over the members that match.
#[test]
fn a_softmax_partition_sharpens_with_a_low_temperature() {
    let table = [
        (0.1, [0.6, 0.7, 0.7], 0.422_318_8),
        (0.1, [0.6, 0.8, 0.7], 0.665_240_96),
        (0.01, [0.6, 0.8, 0.7], 0.999_954_6),
        (1.0, [0.6, 0.8, 0.7], 0.367_165_63),
    ];
    for (temperature, [a, b, c], expected) in table {
        let mut confidences = [Some(a), Some(b), None, Some(c), None];
        assert_eq!(partition(Some(temperature)).choose(&mut confidences), None);
        let [none, Some(winner), _, also_none, _] = confidences else {
            panic!("{confidences:?}")
        };
        assert_eq!((none, also_none), (None, None));
        assert!((winner - expected).abs() < 1e-5, "{temperature} {b}: {winner}");
    }
}
