//! The README's table of outcomes against the one enum that names them.

use promptswitch_policy::Reason;

#[test]
fn the_readme_lists_every_outcome_and_no_other() {
    let readme = std::fs::read_to_string(promptswitch_tests::root().join("README.md")).unwrap();
    let table = readme
        .split("| reason | when |\n|---|---|\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let expected: Vec<_> = Reason::all()
        .iter()
        .map(|reason| format!("| `{}` | {} |", reason.as_str(), reason.meaning()))
        .collect();
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
}
