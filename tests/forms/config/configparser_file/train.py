# expect: known 64 or unknown
import configparser
from unsloth import FastLanguageModel

parser = configparser.ConfigParser()
parser.read("config.ini")
FastLanguageModel.get_peft_model(None, r=parser.getint("lora", "r"))
