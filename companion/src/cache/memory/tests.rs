use super::*;

fn cache(entries: usize, bytes: usize) -> Memory {
    Memory::new(entries, bytes)
}

fn answer(response: &str) -> Answer {
    Answer {
        response: response.into(),
        content_type: "application/json".into(),
    }
}

fn scope(tenant: &str) -> Scope {
    Scope {
        tenant: tenant.into(),
        ..Scope::default()
    }
}

/// A text at an angle, in degrees.
fn text(text: &str, angle: f32) -> Text {
    let (sin, cos) = angle.to_radians().sin_cos();
    Text {
        text: text.into(),
        embedding: vec![cos, sin],
    }
}

fn keep(cache: &Memory, tenant: &str, text: &Text, response: &str, now: Instant) {
    cache
        .store(
            scope(tenant),
            text,
            answer(response),
            Duration::from_secs(60),
            now,
        )
        .unwrap();
}

fn found(cache: &Memory, tenant: &str, text: &Text, now: Instant) -> Option<String> {
    match cache.look_up(&scope(tenant), text, 0.9, now) {
        Found::Hit(hit) => Some(hit.answer.response.to_string()),
        _ => None,
    }
}

#[test]
fn a_text_that_means_the_same_hits_and_one_that_is_far_misses() {
    let (cache, now) = (cache(10, 1 << 20), Instant::now());
    keep(&cache, "a", &text("how do I reset my password", 0.0), "so", now);
    let near = text("How can I reset the password?", 10.0);
    assert_eq!(found(&cache, "a", &near, now).as_deref(), Some("so"));
    let far = text("How can I reset the password?", 80.0);
    assert_eq!(cache.look_up(&scope("a"), &far, 0.9, now), Found::Miss);
}

#[test]
fn nothing_is_found_across_scopes() {
    let (cache, now) = (cache(10, 1 << 20), Instant::now());
    let same = text("the same text", 0.0);
    keep(&cache, "a", &same, "of a", now);
    assert_eq!(found(&cache, "b", &same, now), None);
    let other = |change: fn(&mut Scope)| {
        let mut scope = scope("a");
        change(&mut scope);
        cache.look_up(&scope, &same, 0.0, now)
    };
    assert_eq!(other(|s| s.user = "u".into()), Found::Miss);
    assert_eq!(other(|s| s.model = "m".into()), Found::Miss);
    assert_eq!(other(|s| s.system_hash = "h".into()), Found::Miss);
    assert_eq!(other(|s| s.context = "c".into()), Found::Miss);
    assert!(matches!(other(|_| ()), Found::Hit(_)));
}

#[test]
fn the_opposite_is_guarded_however_alike() {
    let (cache, now) = (cache(10, 1 << 20), Instant::now());
    keep(&cache, "a", &text("How do I enable wifi?", 0.0), "so", now);
    let opposite = text("How do I disable wifi?", 0.1);
    assert_eq!(cache.look_up(&scope("a"), &opposite, 0.9, now), Found::Guarded);
}

#[test]
fn a_long_text_is_hit_by_itself_only() {
    let (cache, now) = (cache(10, 1 << 20), Instant::now());
    let long = "word ".repeat(400);
    keep(&cache, "a", &text(&long, 0.0), "so", now);
    assert_eq!(found(&cache, "a", &text(&long, 0.0), now).as_deref(), Some("so"));
    let changed = format!("{long}word");
    assert_eq!(found(&cache, "a", &text(&changed, 0.0), now), None);
}

#[test]
fn an_entry_expires() {
    let (cache, now) = (cache(10, 1 << 20), Instant::now());
    let same = text("same", 0.0);
    keep(&cache, "a", &same, "so", now);
    assert!(found(&cache, "a", &same, now + Duration::from_secs(59)).is_some());
    assert!(found(&cache, "a", &same, now + Duration::from_secs(61)).is_none());
    keep(
        &cache,
        "a",
        &text("other", 90.0),
        "so",
        now + Duration::from_secs(61),
    );
    assert_eq!(cache.size().0, 1, "the expired one made room");
}

#[test]
fn what_is_longest_unused_makes_room() {
    let (cache, now) = (cache(2, 1 << 20), Instant::now());
    let texts = [text("one", 0.0), text("two", 60.0), text("three", 120.0)];
    keep(&cache, "a", &texts[0], "1", now);
    keep(&cache, "a", &texts[1], "2", now);
    assert!(found(&cache, "a", &texts[0], now).is_some());
    keep(&cache, "a", &texts[2], "3", now);
    assert_eq!(cache.size().0, 2);
    assert!(found(&cache, "a", &texts[0], now).is_some());
    assert!(found(&cache, "a", &texts[1], now).is_none());
}

#[test]
fn bytes_are_bounded_and_an_answer_larger_than_the_cache_is_refused() {
    let (cache, now) = (cache(1000, 20_000), Instant::now());
    for i in 0..100 {
        keep(
            &cache,
            "a",
            &text(&format!("number {i}"), i as f32),
            &"x".repeat(3000),
            now,
        );
        assert!(cache.size().1 <= 20_000);
    }
    assert!(cache.size().0 >= 3);
    let big = answer(&"x".repeat(30_000));
    let refused = cache.store(scope("a"), &text("big", 0.0), big, Duration::MAX, now);
    assert_eq!(refused, Err(NotStored::TooLarge(20_000)));
}

#[test]
fn the_same_text_replaces_its_answer() {
    let (cache, now) = (cache(10, 1 << 20), Instant::now());
    let same = text("same", 0.0);
    keep(&cache, "a", &same, "old", now);
    keep(&cache, "a", &same, "new", now);
    assert_eq!(cache.size().0, 1);
    assert_eq!(found(&cache, "a", &same, now).as_deref(), Some("new"));
}
