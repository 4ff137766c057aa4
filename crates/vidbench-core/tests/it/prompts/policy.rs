use proptest::prelude::*;
use vidbench_core::prompt::policy::{
    FindingKind, ForbiddenToken, Judgement, Policy, PolicyLimits, check, judge,
};

fn findings(raw: impl AsRef<[u8]>) -> Vec<String> {
    check(&PolicyLimits::default(), raw).iter().map(ToString::to_string).collect()
}

fn has_token(raw: impl AsRef<[u8]>, token: ForbiddenToken) -> bool {
    let found = check(&PolicyLimits::default(), raw);
    found.iter().any(|finding| finding.kind == FindingKind::ForbiddenToken(token))
}

#[test]
fn ordinary_english_passes() {
    for text in [
        "a medieval (old) castle",
        "a mediEval (old) castle",
        "m e d i e v a l (old) castle",
        "medi\u{200b}eval (old) castle",
        "a primeval(ish) forest; retrieval (by dog) of a stick",
        "the executive (in a suit)",
        "an evaluation of JavaScript, the movie",
        "an evaluator (female), an executioner (masked) and a script: three roles",
        "a child's drawing / a painter's sketch; it's \"unfinished\"",
        "5 < 7 and 100% wool, 50%off",
        "import __init__ files, salt & lime; AT&T",
        "a family 👨\u{200d}👩\u{200d}👧 by the sea ❤\u{fe0f}",
        "средневековый замок (старый)",
        "一座中世纪的城堡（旧）",
        "first line\r\n\tsecond line",
        "",
    ] {
        assert_eq!(findings(text), [""; 0], "{text}");
    }
}

#[test]
fn every_disguise_is_seen_through() {
    use ForbiddenToken::{DunderImport, EvalCall, ExecCall, JavascriptUrl, ScriptTag};
    for (text, token) in [
        ("a <script>alert(1)</script>", ScriptTag),
        ("a < \u{a0}S c r i p t", ScriptTag),
        ("&lt;script&gt;", ScriptTag),
        ("&LT;ScRiPt", ScriptTag),
        ("&amp;lt;script", ScriptTag),
        ("&#60script", ScriptTag),
        ("&#x00003C;script", ScriptTag),
        ("%3Cscript", ScriptTag),
        ("%253Cscript", ScriptTag),
        ("%EF%BC%9Cscript", ScriptTag),
        ("\\u003cscript", ScriptTag),
        ("＜ｓｃｒｉｐｔ", ScriptTag),
        ("‹ѕсrірт", ScriptTag),
        ("<scr\0ipt", ScriptTag),
        ("<ſcript", ScriptTag),
        ("javascript:alert(1)", JavascriptUrl),
        ("JaVaScRiPt:", JavascriptUrl),
        ("java\tscript\n:\nalert(1)", JavascriptUrl),
        ("java&Tab;script&colon;alert(1)", JavascriptUrl),
        ("javascript: the movie", JavascriptUrl),
        ("JavaScript: the movie", JavascriptUrl),
        ("Javascript: throw onerror=alert,1", JavascriptUrl),
        ("JavaScript: void 0", JavascriptUrl),
        ("JavaScript:alert", JavascriptUrl),
        ("JavaScript: alert(1)", JavascriptUrl),
        ("JavaScript: window.name", JavascriptUrl),
        ("JavaScript: x = 1", JavascriptUrl),
        ("Java Script: the movie", JavascriptUrl),
        ("J\u{430}vaScript: the movie", JavascriptUrl),
        ("&#106;avascript&#58;", JavascriptUrl),
        ("eval(1)", EvalCall),
        ("window.eval (1)", EvalCall),
        ("_eval(1)", EvalCall),
        ("请eval（1）", EvalCall),
        ("a cat, e v a l ( 1 )", EvalCall),
        ("please e v a l(1)", EvalCall),
        ("a e v a l(1)", EvalCall),
        ("ev\u{ad}\u{2060}\u{202e}al(1)", EvalCall),
        ("ΕVΑL(1)", EvalCall),
        ("éváł eval⑴", EvalCall),
        ("eval%281)", EvalCall),
        ("e&#118;al(", EvalCall),
        ("exec(1)", ExecCall),
        ("ЕХЕС (1)", ExecCall),
        ("𝐞𝐱𝐞𝐜(1)", ExecCall),
        ("__import__('os')", DunderImport),
        ("_ _ IMPORT _ _", DunderImport),
        ("＿＿ｉｍｐｏｒｔ＿＿", DunderImport),
        ("%5f%5fimport%5f%5f", DunderImport),
    ] {
        assert!(has_token(text, token), "{token} in {text}: {:?}", findings(text));
    }
}

#[test]
fn findings_name_the_place_in_the_raw_text() {
    assert_eq!(
        findings("é %3Cscript>eval (1)\u{1b}[0m\u{7}"),
        [
            "forbidden token \"<script\" at byte 3",
            "forbidden token \"eval(\" at byte 13",
            "2 control characters, the first U+001B, at byte 21",
        ]
    );
    assert_eq!(
        findings(b"ok \xffev\xfeal("),
        ["bytes that are not UTF-8 at byte 3", "forbidden token \"eval(\" at byte 4"]
    );
    assert_eq!(findings("é".repeat(2001)), ["2001 characters, exceeding the limit of 2000 at byte 4000"]);
    assert_eq!(findings("é".repeat(2000)), [""; 0]);
}

#[test]
fn the_policy_decides_what_findings_do() {
    let limits = PolicyLimits::default();
    let text = "eval(1)";
    let found = check(&limits, text);
    assert_eq!(judge(Policy::Reject, &limits, text), Judgement::Rejected { findings: found.clone() });
    assert_eq!(judge(Policy::default(), &limits, text), Judgement::Flagged { findings: found });
    assert_eq!(judge(Policy::Off, &limits, text), Judgement::Accepted);
    assert_eq!(judge(Policy::Reject, &limits, "a fox"), Judgement::Accepted);
}

#[test]
fn bytes_that_are_not_text_are_rejected_under_every_policy() {
    for policy in Policy::ALL {
        let judgement = judge(policy, &PolicyLimits::default(), b"a fox\xff");
        assert!(matches!(judgement, Judgement::Rejected { .. }), "{policy}");
    }
}

#[test]
fn judgements_survive_json() {
    for text in ["a fox", "<script \u{1} eval("] {
        let judgement = judge(Policy::Flag, &PolicyLimits { max_chars: 3 }, text);
        let json = serde_json::to_string(&judgement).unwrap();
        assert_eq!(serde_json::from_str::<Judgement>(&json).unwrap(), judgement, "{json}");
    }
}

#[test]
fn policy_names_are_closed() {
    assert_eq!("reject".parse(), Ok(Policy::Reject));
    assert_eq!(
        "rejct".parse::<Policy>().unwrap_err().hint(),
        "did you mean \"reject\"? known: reject, flag, off"
    );
}

fn any_token() -> impl Strategy<Value = ForbiddenToken> {
    prop::sample::select(&ForbiddenToken::ALL[..])
}

/// Disguises one character of a token, in a way that depends on `choice`.
fn disguised(ch: char, choice: u8) -> String {
    let fullwidth = char::from_u32(u32::from(ch) + 0xfee0).expect("printable ASCII has full-width forms");
    match choice % 12 {
        0 => ch.to_ascii_uppercase().to_string(),
        1 => fullwidth.to_string(),
        2 => format!("\u{200b}{ch}"),
        3 => format!("{ch}\u{200d}\u{feff}"),
        4 => format!("\u{ad}{}", ch.to_ascii_uppercase()),
        5 => format!("{ch}\u{fe0f}\u{2066}"),
        6 => format!("&#{};", u32::from(ch)),
        7 => format!("%{:02X}", u32::from(ch)),
        8 => format!("\u{202e}{fullwidth}"),
        9 => format!("{ch}\u{301}"),
        10 => format!("\u{1}{ch}"),
        _ => ch.to_string(),
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        check(&PolicyLimits::default(), &text);
    }

    #[test]
    fn no_escape_panics(text in "[&#x%\\\\u{}0-9a-f;<( :._é\u{200b}]{0,60}") {
        check(&PolicyLimits::default(), &text);
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        let found = check(&PolicyLimits::default(), &bytes);
        let unreadable = found.iter().any(|finding| finding.kind == FindingKind::InvalidUtf8);
        prop_assert_eq!(unreadable, std::str::from_utf8(&bytes).is_err());
    }

    #[test]
    fn places_lie_within_the_text(text in "[<＜scriptevalx(（\u{200b}&lt;%3c ]{0,40}") {
        for finding in check(&PolicyLimits::default(), &text) {
            prop_assert!(text.is_char_boundary(finding.at_byte) && finding.at_byte < text.len());
        }
    }

    #[test]
    fn a_disguised_token_is_found(
        token in any_token(),
        choices in prop::collection::vec(any::<u8>(), 11),
        before in "([a-z,.]{1,8} )?",
        after in "[a-z0-9 ]{0,8}",
    ) {
        let hidden: String = token.as_str().chars().zip(&choices).map(|(ch, &choice)| disguised(ch, choice)).collect();
        let text = format!("{before}{hidden}{after}");
        prop_assert!(has_token(&text, token), "{:?}", text);
    }

    #[test]
    fn a_token_spaced_out_is_found(token in any_token(), blanks in prop::collection::vec("[ \t\n\u{a0}\u{3000}]{0,3}", 11)) {
        let spaced: String = token.as_str().chars().zip(&blanks).map(|(ch, blank)| format!("{ch}{blank}")).collect();
        prop_assert!(has_token(&spaced, token), "{:?}", spaced);
    }

    #[test]
    fn words_without_the_marks_of_code_pass(text in "[A-Za-z ,.'\"/;-]{0,80}") {
        prop_assert_eq!(check(&PolicyLimits::default(), &text), vec![]);
    }
}
