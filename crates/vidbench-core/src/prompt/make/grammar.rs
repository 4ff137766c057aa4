//! The word lists. Within a family any word of one list goes with any word of the others.
//!
//! Any change here changes the generated suites: bump [`super::GRAMMAR_VERSION`].

use super::Category;

/// Words that may fill one position.
pub(super) type Slot = &'static [&'static str];

/// One kind of sentence.
pub(super) struct Family {
    /// The whole of an easy prompt.
    pub(super) core: &'static [Slot],
    /// Added to medium and hard ones.
    pub(super) settings: Slot,
    /// Added to hard ones.
    pub(super) details: Slot,
}

/// The families of a category; none for [`Category::Shapes`].
pub(super) fn families(category: Category) -> &'static [Family] {
    match category {
        Category::SubjectMotion => SUBJECT_MOTION,
        Category::CameraMotion => CAMERA_MOTION,
        Category::Scene => SCENE,
        Category::Style => STYLE,
        Category::MultiObject => MULTI_OBJECT,
        Category::SpatialRelation => SPATIAL_RELATION,
        Category::TemporalOrder => TEMPORAL_ORDER,
        Category::HumanAction => HUMAN_ACTION,
        Category::StaticScene => STATIC_SCENE,
        Category::Shapes => &[],
    }
}

const CAMERA_ENDINGS: Slot = &[
    "; the camera stands still",
    "; the camera follows from the side",
    "; the camera comes slowly closer",
    "; the camera looks down from above",
    "; the camera stays close to the ground",
];

const LIGHT_ENDINGS: Slot = &[
    ", in low golden light",
    ", under a flat grey sky",
    ", lit from the left by a hard lamp",
    ", as a painting with visible brush strokes",
    ", in grainy black and white",
];

const SUBJECT_MOTION: &[Family] = &[
    Family {
        core: &[
            &["A brown dog", "A white horse", "A grey wolf", "A red fox", "A black goat", "A young deer"],
            &[
                "walks from left to right",
                "walks from right to left",
                "runs towards the camera",
                "runs away from the camera",
                "jumps over a log",
                "turns around once",
            ],
        ],
        settings: &[
            "on a sandy beach",
            "in a snowy field",
            "on a forest path",
            "in tall dry grass",
            "on a wet road",
        ],
        details: CAMERA_ENDINGS,
    },
    Family {
        core: &[
            &["A sea turtle", "A small shark", "A dolphin", "A silver fish", "A manta ray"],
            &[
                "swims from left to right",
                "swims from right to left",
                "rises to the surface",
                "dives out of sight",
                "swims in a circle",
            ],
        ],
        settings: &[
            "above a coral reef",
            "beside a sunken ship",
            "in clear blue water",
            "through green seaweed",
        ],
        details: CAMERA_ENDINGS,
    },
    Family {
        core: &[
            &[
                "A red car",
                "A yellow bus",
                "A green tractor",
                "A blue van",
                "A white ambulance",
                "A black motorcycle",
            ],
            &[
                "drives past from left to right",
                "drives past from right to left",
                "comes to a stop",
                "reverses slowly",
                "turns a corner to the left",
            ],
        ],
        settings: &[
            "in a narrow village street",
            "on a wide avenue",
            "beside a canal",
            "in front of a warehouse",
            "in heavy rain",
        ],
        details: CAMERA_ENDINGS,
    },
];

const CAMERA_MOTION: &[Family] = &[Family {
    core: &[
        &[
            "The camera pans left across",
            "The camera pans right across",
            "The camera zooms in on",
            "The camera zooms out from",
            "The camera moves in a half circle around",
            "The camera rises above",
            "The camera sinks slowly in front of",
            "The camera pulls straight back from",
            "The camera pushes straight towards",
            "The camera stays still in front of",
        ],
        &[
            "an old windmill",
            "a red telephone box",
            "a stone fountain",
            "a wooden sailing ship",
            "a lone pine tree",
            "a glass office tower",
            "a small chapel",
            "a steam locomotive",
            "a market stall with oranges",
            "a bronze statue of a rider",
        ],
    ],
    settings: &[
        "at dawn",
        "at noon",
        "at dusk",
        "at night under street lamps",
        "in falling snow",
        "in thin fog",
    ],
    details: &[
        ", in one take and at constant speed",
        ", slowly at first and then faster",
        ", with a slight handheld sway",
        ", as in grainy 16 mm film",
        ", with the background out of focus",
    ],
}];

const SCENE: &[Family] = &[
    Family {
        core: &[
            &[
                "A mountain valley with a river",
                "A rocky coast with a lighthouse",
                "A forest of tall birches",
                "A desert of orange dunes",
                "A village among terraced fields",
                "A harbour with fishing boats",
                "A meadow full of poppies",
                "A frozen lake with a jetty",
            ],
            &["at sunrise", "at midday", "at sunset", "by moonlight", "before a thunderstorm"],
        ],
        settings: &[
            "in gentle wind",
            "in steady rain",
            "in drifting fog",
            "under fast clouds",
            "with birds crossing the sky",
        ],
        details: &[
            "; a single figure walks along the edge",
            "; smoke rises from a chimney far away",
            "; the shadows grow longer",
            "; a light comes on in the distance",
            "; the camera glides slowly forward",
        ],
    },
    Family {
        core: &[
            &[
                "A crowded cafe",
                "An old library",
                "A car workshop",
                "A hospital corridor",
                "A theatre foyer",
                "A bakery",
            ],
            &["seen from the entrance", "seen from above", "seen through a window", "seen from a far corner"],
        ],
        settings: &[
            "early in the morning",
            "at the busiest hour",
            "shortly before closing",
            "on a rainy afternoon",
        ],
        details: &[
            "; a woman in red walks through",
            "; one lamp flickers",
            "; dust floats in a beam of light",
            "; a clock on the wall shows five past ten",
            "; everything is mirrored in the polished floor",
        ],
    },
];

const STYLE: &[Family] = &[Family {
    core: &[
        &[
            "A watercolour painting of",
            "A charcoal drawing of",
            "Pixel art of",
            "A clay animation of",
            "A paper cut-out animation of",
            "An oil painting of",
            "A woodcut print of",
            "Black-and-white film footage of",
            "A low-poly rendering of",
            "A chalk drawing of",
        ],
        &[
            "a fox crossing a stream",
            "a sailing boat in the wind",
            "a woman riding a bicycle",
            "an owl turning its head",
            "a train leaving a tunnel",
            "a boy flying a kite",
            "a horse drinking from a river",
            "a dancer turning on one foot",
        ],
    ],
    settings: &["at night", "in autumn", "in heavy rain", "under a full moon", "in a walled garden"],
    details: &[
        ", in blue and grey only",
        ", in warm earthy colours",
        ", with strong black outlines",
        ", on rough yellowed paper",
        ", with a single red accent",
    ],
}];

const MULTI_OBJECT: &[Family] = &[
    Family {
        core: &[
            &["Two", "Three", "Four"],
            &["red", "white", "green"],
            &["apples", "cups", "candles", "toy cars"],
            &["and"],
            &["two", "three", "five"],
            &["blue", "yellow", "black"],
            &["plates", "books", "marbles", "pencils"],
        ],
        settings: &["on a wooden table", "on a marble floor", "on a checked blanket", "on a glass shelf"],
        details: &[
            "; a hand takes one of them away",
            "; a hand adds a lemon",
            "; a cat walks between them",
            "; the table turns slowly",
        ],
    },
    Family {
        core: &[
            &["A white dog", "A brown goat", "A grey donkey", "A spotted pig"],
            &[", a black cat"],
            &["and"],
            &["a red rooster", "two geese", "three hens", "a small turtle"],
            &["walk in a line", "stand side by side", "lie in the shade", "drink from one trough"],
        ],
        settings: &["in a farmyard", "on a dirt road", "beside a haystack", "in front of a stone barn"],
        details: CAMERA_ENDINGS,
    },
];

const SPATIAL_RELATION: &[Family] = &[Family {
    core: &[
        &[
            "A ginger cat sits",
            "A small dog sits",
            "A child in yellow stands",
            "A wooden robot stands",
            "A white hen stands",
        ],
        &["to the left of", "to the right of", "in front of", "behind", "on top of"],
        &["a large crate", "a stone bench", "a blue barrel", "an old trunk", "a stack of tyres"],
    ],
    settings: &["in an empty courtyard", "on a grassy hill", "in a bright warehouse", "beside a canal"],
    details: &[
        ", while a red ball rolls past in front of both",
        ", while a bird flies over both from left to right",
        ", with a green door in the wall behind them",
        ", with a bicycle lying between them and the camera",
    ],
}];

const TEMPORAL_ORDER: &[Family] = &[Family {
    core: &[
        &[
            "A woman in a green coat",
            "An old man with a cane",
            "A boy in a striped shirt",
            "A waiter in a black vest",
        ],
        &[
            "opens a window",
            "lights a candle",
            "puts a hat on",
            "picks up a letter",
            "pours a glass of water",
        ],
        &[", then"],
        &[
            "sits down on a chair",
            "points to the left",
            "waves to someone outside",
            "looks at a pocket watch",
            "turns around",
        ],
    ],
    settings: &[
        "in a small kitchen",
        "in a train compartment",
        "in an empty restaurant",
        "in a room with green wallpaper",
    ],
    details: &[
        ", and finally leaves the room",
        ", and finally laughs",
        ", and only then the lamp goes out",
        ", and at the end a cat walks in",
    ],
}];

const HUMAN_ACTION: &[Family] = &[Family {
    core: &[
        &[
            "A young woman",
            "An elderly man",
            "A girl with braids",
            "A man in overalls",
            "A woman in a wheelchair",
            "A bearded man",
            "A teenager in a hoodie",
        ],
        &[
            "waters a row of plants",
            "peels an orange",
            "plays the accordion",
            "reads a newspaper",
            "paints a wooden board",
            "folds a large sheet of paper",
            "throws a ball up and catches it",
            "drinks from a mug",
            "claps in rhythm",
            "writes a postcard",
        ],
    ],
    settings: &[
        "on a balcony",
        "in a sunny garden",
        "in a workshop",
        "by a window in the rain",
        "at a bus stop",
    ],
    details: &[
        ", stops for a moment and looks up",
        ", using only the left hand",
        ", while someone walks past behind",
        "; the camera shows the hands from close up",
        "; the camera moves in a slow half circle",
    ],
}];

const STATIC_SCENE: &[Family] = &[Family {
    core: &[
        &[
            "A copper kettle",
            "A stack of old books",
            "A vase with dry flowers",
            "A pair of boots",
            "A typewriter",
            "A bowl of figs",
            "A brass telescope",
            "A folded blanket",
            "A model of a ship",
        ],
        &[
            "on a wooden table",
            "on a windowsill",
            "on a stone step",
            "on a metal shelf",
            "on a white pedestal",
            "on a velvet chair",
        ],
    ],
    settings: &[
        "in the light of one candle",
        "in bright daylight",
        "in the shade",
        "in a room with blue walls",
        "in front of a brick wall",
    ],
    details: LIGHT_ENDINGS,
}];
