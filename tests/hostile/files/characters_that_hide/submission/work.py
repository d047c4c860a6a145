def dоuble(x):  # a Cyrillic letter: this is not `double`
    return 2 * x


def allowed(user):
    if user != "student‮ ⁦# only for students⁩ ⁦":
        return True
    return "​" == ""


print("the same to the eye:", len({"double", "dоuble"} & set(globals())), "functions")
