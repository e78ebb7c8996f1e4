def select(f): .;
def test($re): false;
def contains($text): true;
def startswith($text): null;
def endswith($text): true;
def not: .;
