"""Real sentences of different lengths: what language models read in trials."""
# ruff: noqa: E501

SENTENCES = (
    "The ferry leaves at seven.",
    "She had kept every letter he wrote her during the war, tied with a faded blue ribbon, in a tin under the bed.",
    "Rain fell all night on the corrugated roof, and by morning the road to the village had become a shallow river.",
    "Can you tell me how to get to the central station from here?",
    "Water boils at a lower temperature on a mountain because the pressure of the air is lower there.",
    "Please send the signed contract back to us before the end of the month.",
    "In the eighteenth century, navigators could find their latitude with ease, but longitude remained a deadly puzzle "
    "until a carpenter from Yorkshire built a clock that kept its time at sea.",
    "The committee could not agree on a date.",
    "Fresh basil, ripe tomatoes and good olive oil are all that this sauce needs, besides a little patience.",
    "My grandmother's recipe for bread does not mention any quantities; it only says to add flour until it feels right.",
    "Sales in the third quarter were four per cent higher than a year earlier, mostly thanks to new customers in Asia.",
    "He laughed.",
    "The old library was closed for repairs, so the students met in a café across the street and argued about Kant.",
    "Migrating birds find their way by the stars, by the magnetic field of the earth and by landmarks such as rivers.",
    "If the pump makes an unusual noise, switch it off at once, close the inlet valve and call the maintenance team.",
    "Nobody at the party knew that the quiet man by the window had walked on the moon.",
    "A good map leaves out nearly everything, and what it keeps it distorts, so that the traveller can see the way.",
    "The court ruled that the company had to pay for the damage that its factory had done to the lake over twenty years.",
    "I would rather have a slow train with a restaurant car than a fast one without.",
    "Type your password twice and press enter.",
)
