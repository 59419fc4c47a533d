import spacy


def test_one_sentence_says_two_things():
    nlp = spacy.blank("en")
    nlp.add_pipe("brnn_sentiment")
    doc = nlp("Great food, terrible service.")
    food, service = doc[1:2]._.sentiment_toward, doc[4:5]._.sentiment_toward
    assert (food.label, service.label) == ("POSITIVE", "NEGATIVE")
    assert food.polarity > 0.5 > -0.5 > service.polarity
