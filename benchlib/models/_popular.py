"""The ids of MLAgility's corpus `popular_on_huggingface`, by task: those of its 737 whose names are known to us."""

from __future__ import annotations

_BY_TASK = {
    "fill-mask": """
        albert-base-v2 albert-xlarge-v1 albert-xlarge-v2 albert-xxlarge-v1 aneuraz/awesome-align-with-co
        bert-base-multilingual-cased CAMeL-Lab/bert-base-arabic-camelbert-ca
        CAMeL-Lab/bert-base-arabic-camelbert-da CAMeL-Lab/bert-base-arabic-camelbert-mix
        CAMeL-Lab/bert-base-arabic-camelbert-msa distilbert-base-cased distilbert-base-multilingual-cased
        distilbert-base-uncased DmitryPogrebnoy/MedRuRobertaLarge facebook/xlm-roberta-xl
        google/electra-base-generator IDEA-CCNL/Erlangshen-DeBERTa-v2-710M-Chinese
        IIC/dpr-spanish-passage_encoder-allqa-base IIC/dpr-spanish-question_encoder-allqa-base
        microsoft/BiomedVLP-CXR-BERT-specialized microsoft/codebert-base-mlm
        Musixmatch/umberto-commoncrawl-cased-v1 NlpHUST/vibert4news-base-cased roberta-large Rostlab/prot_bert
        Rostlab/prot_bert_bfd sijunhe/nezha-large-wwm thunlp/Lawformer uer/albert-base-chinese-cluecorpussmall
        uer/chinese_roberta_L-12_H-128 uer/chinese_roberta_L-6_H-768 uer/chinese_roberta_L-8_H-512
        uer/roberta-base-word-chinese-cluecorpussmall xlm-roberta-base
    """,
    "text-classification": """
        aujer/ni_model_8_19 cardiffnlp/tweet-topic-21-multi cardiffnlp/tweet-topic-21-single
        cardiffnlp/twitter-xlm-roberta-base-sentiment ElKulako/cryptobert Elron/bleurt-base-512
        Elron/bleurt-large-512 Elron/bleurt-tiny-512 esiebomajeremiah/autonlp-email-classification-657119381
        FinanceInc/finbert_fls IDEA-CCNL/Erlangshen-Roberta-110M-NLI IDEA-CCNL/Erlangshen-Roberta-110M-Sentiment
        IDEA-CCNL/Erlangshen-Roberta-330M-Sentiment IDEA-CCNL/Erlangshen-Roberta-330M-Similarity
        intfloat/simlm-msmarco-reranker Kamuuung/autonlp-lessons_tagging-606217261
        madhurjindal/autonlp-Gibberish-Detector-492513457 michiyasunaga/BioLinkBERT-large
        michiyasunaga/LinkBERT-base MilaNLProc/feel-it-italian-emotion MilaNLProc/feel-it-italian-sentiment
        MoritzLaurer/policy-distilbert-7d Preetiha/clause_classification siebert/sentiment-roberta-large-english
        soleimanian/financial-roberta-large-sentiment uer/roberta-base-finetuned-jd-binary-chinese
    """,
    "question-answering": """
        AmazonScience/qanlu azwierzc/herbert-large-poquad cmarkea/distilcamembert-base-qa
        deepset/deberta-v3-large-squad2 deepset/xlm-roberta-base-squad2-distilled
        KoichiYasuoka/bert-large-japanese-wikipedia-ud-head KoichiYasuoka/deberta-base-japanese-aozora-ud-head
        KoichiYasuoka/deberta-base-thai-ud-head MarcBrun/ixambert-finetuned-squad-eu-en
        mrm8488/bert-medium-finetuned-squadv2 mrm8488/bert-tiny-finetuned-squadv2
        mrm8488/distill-bert-base-spanish-wwm-cased-finetuned-spa-squad2-es mrm8488/spanbert-finetuned-squadv2
        mrm8488/spanbert-large-finetuned-squadv2 NeuML/bert-small-cord19qa razent/spbert-mlm-base
        squirro/albert-base-v2-squad_v2 uer/roberta-base-chinese-extractive-qa
        valhalla/bart-large-finetuned-squadv1
    """,
    "token-classification": """
        Babelscape/wikineural-multilingual-ner CAMeL-Lab/bert-base-arabic-camelbert-ca-pos-egy
        CAMeL-Lab/bert-base-arabic-camelbert-da-pos-msa CAMeL-Lab/bert-base-arabic-camelbert-mix-pos-msa
        Davlan/bert-base-multilingual-cased-masakhaner Davlan/bert-base-multilingual-cased-ner-hrl
        Davlan/distilbert-base-multilingual-cased-ner-hrl Davlan/xlm-roberta-base-ner-hrl
        Davlan/xlm-roberta-large-ner-hrl fhswf/bert_de_ner gilf/french-camembert-postag-model
        HooshvareLab/bert-fa-zwnj-base-ner HooshvareLab/distilbert-fa-zwnj-base-ner Jean-Baptiste/camembert-ner
        Jean-Baptiste/camembert-ner-with-dates Jean-Baptiste/roberta-large-ner-english
        KoichiYasuoka/bert-base-japanese-upos KoichiYasuoka/roberta-base-thai-spm-upos
        mrm8488/bert-base-german-finetuned-ler NbAiLab/nb-bert-base-ner
        philschmid/distilroberta-base-ner-conll2003 philschmid/distilroberta-base-ner-wikiann-conll2003-3-class
        sagorsarker/codeswitch-hineng-lid-lince tartuNLP/EstBERT_NER
        uer/roberta-base-finetuned-cluener2020-chinese xlm-roberta-large-finetuned-conll03-german
    """,
    "translation": """
        google/bert2bert_L-24_wmt_de_en K024/mt5-zh-ja-en-trimmed t5-base t5-large
        unicamp-dl/translation-pt-en-t5
    """,
    "summarization": """
        IlyaGusev/rubert_telegram_headlines IlyaGusev/rut5_base_sum_gazeta
        mrm8488/bert-small2bert-small-finetuned-cnn_daily_mail-summarization
        Narrativa/bsc_roberta2roberta_shared-spanish-finetuned-mlsum-summarization
        phpaiola/ptt5-base-summ-cstnews tennessejoyce/titlewave-t5-base
        thanathorn/mt5-cpe-kmutt-thai-sentence-sum
    """,
    "text-generation": """
        asi/gpt-fr-cased-base codeparrot/codeparrot-small facebook/opt-125m facebook/opt-350m hakurei/lit-6B
        inkoziev/rugpt_chitchat NlpHUST/gpt2-vietnamese readerbench/RoGPT2-base Salesforce/codegen-2B-mono
        Salesforce/codegen-2B-multi Salesforce/codegen-350M-mono Salesforce/codegen-350M-multi
        Salesforce/codegen-350M-nl Salesforce/codegen-6B-mono Salesforce/codegen-6B-multi Sentdex/GPyT
        transfo-xl-wt103 TristanBehrens/js-fakes-4bars ushikado/yuyuyui-chatbot xlnet-base-cased
        xlnet-large-cased
    """,
    "text2text-generation": """
        0x7194633/keyt5-large allenai/t5-small-next-word-generator-qoogle
        allenai/t5-small-squad2-question-generation Bhuvana/t5-base-spellchecker bigscience/T0p
        cointegrated/rut5-small-chitchat doc2query/all-with_prefix-t5-base-v1 fabiochiu/t5-base-tag-generation
        facebook/mbart-large-50 flexudy/t5-base-multi-sentence-doctor google/byt5-small
        google/long-t5-local-base google/long-t5-tglobal-xl google/roberta2roberta_L-24_discofuse
        google/t5-small-ssm-nq KES/T5-TTParser KES/TEC-English MaRiOrOsSi/t5-base-finetuned-question-answering
        Michau/t5-base-en-generate-headline microsoft/prophetnet-large-uncased
        microsoft/tapex-large-finetuned-tabfact microsoft/xprophetnet-large-wiki100-cased
        mrm8488/t5-base-finetuned-common_gen mrm8488/t5-base-finetuned-imdb-sentiment
        mrm8488/t5-base-finetuned-squadv2 mrm8488/t5-base-finetuned-wikiSQL
        mrm8488/t5-small-finetuned-quora-for-paraphrasing NlpHUST/t5-en-vi-small Rostlab/prot_t5_xl_bfd
        Rostlab/prot_t5_xl_uniref50 Salesforce/codet5-base Salesforce/codet5-large
        Salesforce/codet5-large-ntp-py Salesforce/codet5-small Salesforce/mixqg-base
        Sehong/t5-large-QuestionGeneration uer/t5-base-chinese-cluecorpussmall
        uer/t5-v1_1-base-chinese-cluecorpussmall valhalla/t5-base-squad
    """,
    "zero-shot-classification": """
        cmarkea/distilcamembert-base-nli cointegrated/rubert-base-cased-nli-threeway
        cross-encoder/nli-deberta-base joeddav/bart-large-mnli-yahoo-answers
        MoritzLaurer/DeBERTa-v3-base-mnli-fever-anli MoritzLaurer/DeBERTa-v3-base-mnli-fever-docnli-ling-2c
        MoritzLaurer/DeBERTa-v3-large-mnli-fever-anli-ling-wanli
        MoritzLaurer/DeBERTa-v3-xsmall-mnli-fever-anli-ling-binary MoritzLaurer/mDeBERTa-v3-base-mnli-xnli
        MoritzLaurer/mDeBERTa-v3-base-xnli-multilingual-nli-2mil7 navteca/bart-large-mnli
        Recognai/bert-base-spanish-wwm-cased-xnli Recognai/zeroshot_selectra_medium Sahajtomar/German_Zeroshot
    """,
    "sentence-similarity": """
        AI-Growth-Lab/PatentSBERTa bespin-global/klue-sentence-roberta-base BM-K/KoSimCSE-roberta
        deepset/all-mpnet-base-v2-table DMetaSoul/sbert-chinese-general-v2
        flax-sentence-embeddings/all_datasets_v3_mpnet-base flax-sentence-embeddings/all_datasets_v4_MiniLM-L6
        flax-sentence-embeddings/st-codesearch-distilroberta-base
        flax-sentence-embeddings/stackoverflow_mpnet-base Huffon/sentence-klue-roberta-base
        KBLab/sentence-bert-swedish-cased keepitreal/vietnamese-sbert sentence-transformers/all-roberta-large-v1
        sentence-transformers/bert-base-nli-cls-token sentence-transformers/clip-ViT-B-32-multilingual-v1
        sentence-transformers/distilbert-base-nli-stsb-mean-tokens
        sentence-transformers/distilbert-base-nli-stsb-quora-ranking
        sentence-transformers/facebook-dpr-question_encoder-single-nq-base sentence-transformers/gtr-t5-xl
        sentence-transformers/LaBSE sentence-transformers/msmarco-distilbert-base-v4
        sentence-transformers/msmarco-roberta-base-ance-firstp sentence-transformers/msmarco-roberta-base-v3
        sentence-transformers/nli-mpnet-base-v2 sentence-transformers/nli-roberta-base
        sentence-transformers/paraphrase-albert-small-v2 sentence-transformers/paraphrase-distilroberta-base-v2
        sentence-transformers/sentence-t5-xxl
        sentence-transformers/xlm-r-100langs-bert-base-nli-stsb-mean-tokens snunlp/KR-SBERT-V40K-klueNLI-augSTS
        teven/all_bs192_hardneg
    """,
    "feature-extraction": """
        cointegrated/LaBSE-en-ru cointegrated/rubert-tiny etalab-ia/dpr-question_encoder-fr_qa-camembert
        facebook/bart-base facebook/flava-full funnel-transformer/large-base google/canine-s google/fnet-base
        google/mobilebert-uncased google/vit-base-patch32-224-in21k malteos/scincl MCG-NJU/videomae-base
        MCG-NJU/videomae-base-ssv2 mrm8488/electricidad-base-discriminator nvidia/groupvit-gcc-yfcc
        obrizum/all-MiniLM-L6-v2 sentence-transformers/distilbert-base-nli-mean-tokens Seznam/small-e-czech
        voidful/dpr-question_encoder-bert-base-multilingual
    """,
    "object-detection": """
        google/owlvit-large-patch14 hustvl/yolos-base nickmuchi/yolos-small-rego-plates-detection
        SenseTime/deformable-detr
    """,
    "image-segmentation": """
        apple/deeplabv3-mobilevit-small facebook/detr-resnet-50-panoptic facebook/maskformer-swin-base-ade
        Intel/dpt-large-ade nvidia/segformer-b1-finetuned-ade-512-512
    """,
    "image-classification": """
        apple/mobilevit-small edumunozsala/vit_base-224-in21k-ft-cifar100 facebook/convnext-large-224-22k-1k
        facebook/convnext-small-224 facebook/convnext-xlarge-224-22k facebook/data2vec-vision-base-ft1k
        facebook/deit-base-patch16-384 microsoft/beit-base-patch16-224-pt22k-ft22k
        microsoft/swin-small-patch4-window7-224 microsoft/swinv2-tiny-patch4-window8-256
        nateraw/vit-age-classifier nateraw/vit-base-patch16-224-cifar10 Visual-Attention-Network/van-base
    """,
    "image-to-text": """
        microsoft/trocr-large-str microsoft/trocr-small-stage1
    """,
    "video-classification": """
        MCG-NJU/videomae-base-finetuned-kinetics
    """,
    "depth-estimation": """
        Intel/dpt-large
    """,
    "text-to-image": """
        CompVis/ldm-text2im-large-256 CompVis/stable-diffusion-v1-4
    """,
}
MODELS = {name: task for task, names in _BY_TASK.items() for name in names.split()}
